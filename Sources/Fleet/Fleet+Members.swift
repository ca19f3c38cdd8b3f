import Serving
import SimulationKernel

/// The replicas of a fleet: they come, take requests, and may be down.
extension Fleet {
  /// What the slots of replicas count beside each other, in the smallest whole numbers; `nil` where they are alike.
  package static func slotWeights(_ slotBytes: [Int]) -> [Int]? {
    guard slotBytes.contains(where: { $0 != slotBytes[0] }) else { return nil }
    func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
    let common = slotBytes.reduce(0, divisor)
    return slotBytes.map { $0 / common }
  }

  mutating func add(_ make: @escaping Maker, launch: SimInstant, ready: SimInstant) throws {
    members.append(
      Member(replica: try make(setup), make: make, launch: launch, ready: ready))
    loads.append()
    if ready <= launch { admit(members.count - 1) }
  }

  /// Whether it is neither retired nor down.
  func takesRequests(_ number: Int) -> Bool {
    members[number].retired == nil && !faults.isDown(number)
  }

  mutating func admit(_ number: Int) {
    open.append(number)
    loads.set(number, to: 0)
  }
}
