import SimulationKernel
import Workload

/// Several replicas behind a router, on one clock.
///
/// Replicas meet in the router only, so that nothing has to order their events among each other: before
/// each arrival all of them are brought to its instant, then one is picked.
package struct Cluster {
  private let requests: [Request]
  private let window: MeasuringWindow
  private var routing: RoutingState
  private var members: [Member] = []
  /// Numbers of the members that take requests.
  private var open: [Int] = []
  /// By request: the member that serves it.
  private(set) var assignment: [Int32] = []

  /// A replica and when it is there.
  private struct Member {
    var replica: any Replica
    /// When it is paid for: from its start-up to the end of its last request, or of the run.
    var launch: SimInstant
    /// When it takes requests.
    var ready: SimInstant
    /// When it was told to take no more.
    var retired: SimInstant?
  }

  package init(
    requests: [Request], contents: PromptContents? = nil, window: MeasuringWindow,
    router: Router, seed: UInt64
  ) {
    self.requests = requests
    self.window = window
    routing = RoutingState(router, requests: requests, contents: contents, seed: seed)
    assignment.reserveCapacity(requests.count)
  }

  /// Serves every request on `replicas`, or stops at the end of the window.
  ///
  /// - Parameter replicas: At least one, made for the same requests and window.
  /// - Returns: One record of all that happened.
  /// - Throws: ``RunFailure``.
  /// - Complexity: That of the replicas' own iterations, and O(replicas) for each request.
  package mutating func serve(_ replicas: [any Replica]) throws -> RunRecord {
    precondition(!replicas.isEmpty, "a cluster without replicas")
    for replica in replicas { add(replica, launch: .zero, ready: .zero) }
    for index in requests.indices {
      let arrival = requests[index].arrival
      if let end = window.to, arrival >= end { break }
      try route(RequestID(index), at: arrival)
    }
    return try finish()
  }

  /// Serves every request on as many replicas as the autoscaler asks for.
  ///
  /// - Parameter replica: Makes one more.
  /// - Returns: The record, and how many replicas there were over time.
  /// - Throws: ``RunFailure``.
  package mutating func serve(
    _ autoscaler: Autoscaler, replica: () throws -> any Replica
  ) throws -> (record: RunRecord, scaling: [ScalingStep]) {
    var autoscaler = autoscaler
    for _ in 0..<autoscaler.minReplicas { add(try replica(), launch: .zero, ready: .zero) }
    var steps = [
      ScalingStep(time: .zero, arrived: 0, launched: members.count, ready: members.count)
    ]
    var (tick, arrived) = (SimInstant.zero + autoscaler.interval, 0)
    for index in requests.indices {
      let arrival = requests[index].arrival
      if let end = window.to, arrival >= end { break }
      while tick <= arrival {
        try advance(to: tick)
        try scale(&autoscaler, arrived: arrived, at: tick, replica: replica)
        openReady(at: tick)
        let launched = members.count { $0.retired == nil }
        steps.append(
          ScalingStep(time: tick, arrived: arrived, launched: launched, ready: open.count))
        (tick, arrived) = (tick + autoscaler.interval, 0)
      }
      openReady(at: arrival)
      try route(RequestID(index), at: arrival)
      arrived += 1
    }
    return (try finish(), steps)
  }

  /// Seconds that replicas were paid for, summed: from launch to the last of their requests.
  package private(set) var replicaSeconds = 0.0

  private mutating func add(_ replica: any Replica, launch: SimInstant, ready: SimInstant) {
    members.append(Member(replica: replica, launch: launch, ready: ready))
    if ready <= launch { open.append(members.count - 1) }
  }

  private mutating func openReady(at now: SimInstant) {
    open = members.indices.filter { members[$0].retired == nil && members[$0].ready <= now }
  }

  private mutating func route(_ request: RequestID, at arrival: SimInstant) throws {
    if routing.readsLoads { try advance(to: arrival) }
    let members = members
    let number = routing.pick(request, among: open) { members[$0].replica }
    let replica = members[number].replica
    if !routing.readsLoads { try replica.advance(to: arrival) }
    try replica.submit(request, at: arrival)
    assignment.append(Int32(number))
  }

  private func advance(to limit: SimInstant) throws {
    for member in members { try member.replica.advance(to: limit) }
  }

  /// Launches and retires until as many replicas are there, or on their way, as are wanted.
  private mutating func scale(
    _ autoscaler: inout Autoscaler, arrived: Int, at now: SimInstant,
    replica: () throws -> any Replica
  ) throws {
    let staying = members.indices.filter { members[$0].retired == nil }
    let wanted = autoscaler.replicas(arrived: arrived, present: staying.count)
    if wanted > staying.count {
      for _ in staying.count..<wanted {
        add(try replica(), launch: now, ready: now + autoscaler.startUp)
      }
    } else {
      for number in staying.suffix(staying.count - wanted) { members[number].retired = now }
    }
  }

  private mutating func finish() throws -> RunRecord {
    var ends: [SimInstant] = []
    if let end = window.to {
      try advance(to: end)
      ends = members.map { $0.retired ?? end }
      return merged(at: end, ends)
    }
    ends = try members.map { try $0.replica.drain() }
    return merged(at: ends.max() ?? .zero, ends)
  }

  private mutating func merged(at end: SimInstant, _ drained: [SimInstant]) -> RunRecord {
    for (member, drained) in zip(members, drained) {
      let last = member.retired.map { max($0, drained) } ?? end
      replicaSeconds += (last - member.launch).seconds
    }
    let records = members.map { $0.replica.close(at: end) }
    return RunRecord(merging: records, assignment: assignment)
  }
}
