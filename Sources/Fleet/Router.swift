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
    /// How much of its KV pool each holds as well, how many of its requests wait, or what its prefix cache holds: what
    /// may change with every iteration.
    case held
  }

  /// What a router needs to be told.
  package enum Needs: Sendable {
    case nothing
    /// What the prompts of the trace consist of.
    case contents
    /// What the prefix caches hold as well.
    case caches
  }

  /// As users type it.
  package let name: String
  /// One line for the catalogue.
  package let summary: String
  package let reads: Reads
  /// Whether it compares what prompts consist of, block by block.
  package let comparesBlocks: Bool
  /// What it needs to be told beside loads.
  package let needs: Needs
  /// The time between two reports of what replicas have (`--router-load-period`); zero for the state of the instant.
  ///
  /// Of a replica the router then knows the report before, and how many requests it has sent there since.
  package var loadPeriod = SimDuration.zero
  /// Makes the policy of one run.
  package let make: @Sendable (RoutedRun) -> any RoutingPolicy

  package init(
    name: String, summary: String, reads: Reads, comparesBlocks: Bool = false,
    needs: Needs = .nothing, make: @escaping @Sendable (RoutedRun) -> any RoutingPolicy
  ) {
    self.name = name
    self.summary = summary
    self.reads = reads
    self.comparesBlocks = comparesBlocks
    self.needs = needs
    self.make = make
  }

  /// Routers of no engine or project in particular, which plans try in each other's place.
  package static let plain: [Router] = [
    .roundRobin, .leastOutstanding, .powerOfTwo, .leastKV, .prefixAware,
  ]

  /// Every router, in the order of the help text.
  package static let all: [Router] =
    plain + [
      .random, .session, .vllmDataParallel, .llmd, .llmdPrecise, .llmdLoad,
      .dynamo, .cacheAware,
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

/// What a router sees of the fleet at the arrival of a request: what replicas have then, or as of their last reports
/// (``Router/loadPeriod``).
package struct FleetView {
  /// Numbers of the replicas that take requests, rising, at least one.
  package let open: [Int]
  /// Requests that run or wait, by replica, those sent since its last report included; those that take none do not count.
  package let loads: LoadTree
  /// Share of its KV pool that the running requests of a replica hold, from 0 to 1.
  package let heldShare: (Int) -> Double
  /// Requests of a replica that were not admitted when it last decided.
  package let waiting: (Int) -> Int
  /// Tokens whose keys and values the requests of a replica hold.
  package let heldTokens: (Int) -> Int
  /// Tokens of the arriving request's prompt that the prefix cache of a replica holds at this instant.
  package let cachedTokens: (Int) -> Int

  package init(
    open: [Int], loads: LoadTree, heldShare: @escaping (Int) -> Double,
    waiting: @escaping (Int) -> Int = { _ in 0 }, heldTokens: @escaping (Int) -> Int = { _ in 0 },
    cachedTokens: @escaping (Int) -> Int = { _ in 0 }
  ) {
    self.open = open
    self.loads = loads
    self.heldShare = heldShare
    self.waiting = waiting
    self.heldTokens = heldTokens
    self.cachedTokens = cachedTokens
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
