import Synchronization

/// Simulations that this process has finished: what a line of progress counts. No result depends on it.
package enum SimulationCount {
  private static let count = Atomic<Int>(0)

  package static var finished: Int { count.load(ordering: .relaxed) }

  package static func add() { count.add(1, ordering: .relaxed) }
}
