import Serving
import SimulationKernel
import Workload

/// How requests are shared out among replicas (`--router`): a value with a name, listed in ``all``.
///
/// Adding one takes a file with its ``RoutingPolicy`` and its value, and a line in the list; `docs/EXTENDING.md` shows it.
package struct Router: Sendable {
  /// What a router looks at when it picks.
  package enum Reads: Sendable {
    /// Nothing that replicas do: they then run one after the other.
    case nothing
    /// How many requests each has.
    case outstanding
    /// How much of its KV pool each holds as well, which may change with every iteration.
    case held
  }

  /// As users type it.
  package let name: String
  /// One line for the catalogue.
  package let summary: String
  package let reads: Reads
  /// Whether it compares what prompts consist of, block by block.
  package let comparesBlocks: Bool
  /// Makes the policy of one run.
  package let make: @Sendable (RoutedRun) -> any RoutingPolicy

  package init(
    name: String, summary: String, reads: Reads, comparesBlocks: Bool = false,
    make: @escaping @Sendable (RoutedRun) -> any RoutingPolicy
  ) {
    self.name = name
    self.summary = summary
    self.reads = reads
    self.comparesBlocks = comparesBlocks
    self.make = make
  }

  /// Every router, in the order of the help text.
  package static let all: [Router] = [
    .roundRobin, .leastOutstanding, .powerOfTwo, .leastKV, .prefixAware,
  ]
}

extension Router: Equatable {
  package static func == (a: Router, b: Router) -> Bool { a.name == b.name }
}

/// What a router knows of the run before it begins.
package struct RoutedRun {
  package var requests: [Request]
  /// `nil` if no two prompts have a token in common.
  package var contents: PromptContents?
  package var seed: UInt64

  package init(requests: [Request], contents: PromptContents? = nil, seed: UInt64) {
    self.requests = requests
    self.contents = contents
    self.seed = seed
  }
}

/// A router at work: picks a replica for each request, in order of arrival.
package protocol RoutingPolicy {
  /// The replica for a request, one of `fleet.open`.
  mutating func pick(_ request: RequestID, in fleet: borrowing FleetView) -> Int
}

/// What a router sees of the fleet at the arrival of a request.
package struct FleetView {
  /// Numbers of the replicas that take requests, rising, at least one.
  package let open: [Int]
  /// Requests that run or wait, by replica; those that take none do not count.
  package let loads: LoadTree
  /// Share of its KV pool that the running requests of a replica hold, from 0 to 1.
  package let heldShare: (Int) -> Double

  package init(open: [Int], loads: LoadTree, heldShare: @escaping (Int) -> Double) {
    self.open = open
    self.loads = loads
    self.heldShare = heldShare
  }

  /// The least by `key`; of equals, the first replica from `start` on, else the first of all.
  ///
  /// - Complexity: O(replicas); ``LoadTree/least(from:)`` is O(log replicas).
  package func least<Key: Comparable>(from start: Int, by key: (Int) -> Key) -> Int {
    let first = open.firstIndex { $0 >= start } ?? 0
    var best = open[first]
    var bestKey = key(best)
    for offset in 1..<max(open.count, 1) {
      let candidate = open[(first + offset) % open.count]
      let value = key(candidate)
      if value < bestKey { (best, bestKey) = (candidate, value) }
    }
    return best
  }
}
