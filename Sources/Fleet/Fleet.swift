import Serving
import SimulationKernel
import Workload

/// Replicas behind a router, on one clock: who sends requests, who takes them, and what is known of it meanwhile.
///
///     senders ──▶ router ──▶ replica 0 ──┐
///                        ──▶ replica 1 ──┼──▶ departures: clients send on, loads fall
///                        ──▶ …         ──┘
///
/// Replicas meet in the router and the clients only, so that each runs by itself until one of those looks at it. What
/// has to be looked at decides how:
///
/// - a router that reads nothing: requests are shared out first, and replicas run one after the other;
/// - one that reads how many requests each has, or clients and sessions that wait for answers: a replica is visited when a
///   request comes to it, and when one may leave it (an ``EventQueue`` holds when);
/// - one that reads what changes with every iteration: all replicas are brought to each arrival;
/// - one that reads reports of a period: all replicas are brought to the last report before each arrival, as they are to
///   an autoscaler's looks.
///
/// - Complexity: That of the replicas' iterations, and O(log replicas) a request; O(replicas) a request in the last case
///   and where prefixes are compared.
package struct Fleet {
  let load: Load
  private let router: Router
  let log: RequestLog
  let setup: ReplicaSetup
  private var policy: any RoutingPolicy
  /// Whether there is one replica, and always will be: nobody asks the router.
  private let isAlone: Bool
  var members: [Member] = []
  /// Numbers of the members that take requests.
  var open: [Int] = []
  var loads = LoadTree()
  /// By request that has arrived: the member that serves it, −1 for none; not kept for a single replica that stays.
  private var assignment: [Int32] = []
  private let keepsAssignment: Bool
  /// Whether an autoscaler looks at replicas while they run.
  private let isWatched: Bool
  var scaler: Scaler?
  var faults: Faults
  /// When members are to be visited.
  private var visits = EventQueue<Int32>()
  private var departures: [Departure] = []
  private let looks: Looks
  /// What members last said of themselves; `nil` where the router sees how they stand.
  var reports: LoadReports?
  /// Whether it need not go on; `nil` for a run to its end, as with warm-ups and where replicas fail: requests begin again.
  private var ending: Ending?

  /// How replicas are looked at; see ``Fleet``.
  private enum Looks { case never, atDepartures, atArrivals, atReports }

  private static func looks(for router: Router) -> Looks {
    switch router.reads {
    case .nothing: .never
    case _ where router.loadPeriod > .zero: .atReports
    case .outstanding: .atDepartures
    case .held: .atArrivals
    }
  }

  /// A replica and when it is there.
  struct Member {
    var replica: any Replica
    /// Makes the engine that takes its place when it fails.
    let make: Maker
    var slotBytes = 1
    /// When it is paid for: from its start-up to the end of its last request, or of the run.
    var launch: SimInstant
    /// When it takes requests.
    var ready: SimInstant
    /// When it was told to take no more.
    var retired: SimInstant?
    /// When it is to be visited; ``SimInstant/distantFuture`` for never.
    var visit = SimInstant.distantFuture
    /// When the replica first decides about the requests that came last.
    var decisions: [SimInstant] = []

    /// Requests that waited when the replica last decided before `now`, as engines count them: those that came since are
    /// in nobody's queue yet.
    func waiting(at now: SimInstant) -> Int {
      replica.waiting - decisions.count { $0 >= now }
    }

    /// A request came at `now`, and the replica decides about it at `decision`.
    mutating func noteArrival(at now: SimInstant, decision: SimInstant) {
      decisions.removeAll { $0 < now }
      decisions.append(decision)
    }
  }

  /// - Parameters:
  ///   - isAlone: Whether there is one replica, and always will be.
  ///   - isWatched: Whether an autoscaler looks at replicas while they run.
  ///   - seed: Of what the router draws.
  private init(
    _ load: Load, router: Router, isAlone: Bool, isWatched: Bool = false,
    failures: Failures? = nil, seed: UInt64
  ) {
    var all = load.requests
    var contents = load.contents
    if load.warmups > 0, var first = all.first {
      first.arrival = .zero
      let pieces = contents?.pieces(of: 0) ?? []
      all += Array(repeating: first, count: load.warmups)
      for _ in 0..<load.warmups { contents?.append(pieces) }
    }
    self.load = load
    self.router = router
    self.isAlone = isAlone
    log = RequestLog(
      all, turns: load.turns, window: load.window, keepsPreemptions: load.keepsPreemptions)
    faults = Faults(failures, window: load.window)
    let reads = isAlone ? .never : Self.looks(for: router)
    let unread: Looks = failures != nil ? .atDepartures : isWatched ? .atReports : .never
    looks = load.isClosed ? .atDepartures : reads == .never ? unread : reads
    self.isWatched = isWatched
    if !isAlone, router.reads != .nothing, router.loadPeriod > .zero {
      reports = LoadReports(period: router.loadPeriod)
    }
    var setup = ReplicaSetup(log, contents: contents, arrivalsAreKnown: load.turns == nil)
    setup.oversized = load.oversized
    setup.classNames = load.classNames
    setup.keepsDepartures = load.isClosed
    setup.frontEnd = load.clients == nil ? nil : load.frontEnd.process
    self.setup = setup
    ending = failures == nil && load.warmups == 0 ? Ending(load) : nil
    policy = router.make(RoutedRun(requests: all, contents: contents, seed: seed))
    keepsAssignment = !isAlone || failures != nil
    if keepsAssignment { assignment.reserveCapacity(all.count) }
    assignNone()
  }

  /// Requests come in the order of their numbers, unless turns wait.
  private mutating func assignNone() {
    assignment.removeAll(keepingCapacity: true)
    guard keepsAssignment, load.turns != nil else { return }
    assignment = Array(repeating: -1, count: load.requests.count)
  }

  /// Serves a load on replicas that stay.
  ///
  /// - Parameters:
  ///   - replicas: At least one; of each role, where one has not both.
  ///   - link: What replicas that decode read others over.
  ///   - failures: How replicas fail, by their places in `replicas`; `nil` for not.
  ///   - seed: Of what the router draws.
  /// - Returns: What happened, and the seconds that replicas were paid for.
  /// - Throws: ``RunFailure``.
  package static func serve(
    _ load: Load, on replicas: [Place], router: Router = .roundRobin, link: KVLink = .free,
    failures: Failures? = nil, seed: UInt64 = 0
  ) throws -> (record: RunRecord, replicaSeconds: Double) {
    precondition(!replicas.isEmpty, "a fleet without replicas")
    if replicas.contains(where: { $0.role != .both }) {
      return try SplitFleet.serve(
        load, on: replicas, router: router, link: link, failures: failures, seed: seed)
    }
    var fleet = Fleet(
      load, router: router, isAlone: replicas.count == 1, failures: failures, seed: seed)
    for place in replicas {
      try fleet.add(place.make, launch: .zero, ready: .zero)
      fleet.members[fleet.members.count - 1].slotBytes = place.slotBytes
    }
    try fleet.warmUp()
    fleet.faults.begin(replicas: replicas.count, seed: seed)
    return try fleet.run()
  }

  /// Serves a load on as many replicas as the autoscaler asks for.
  ///
  /// - Parameter failures: Drawn ones; `nil` for not.
  /// - Returns: What happened, how many replicas there were over time, and the seconds that they were paid for.
  /// - Throws: ``RunFailure``.
  package static func serve(
    _ load: Load, autoscaler: Autoscaler, replica: @escaping Maker, router: Router,
    failures: Failures? = nil, seed: UInt64 = 0
  ) throws -> (record: RunRecord, scaling: [ScalingStep], replicaSeconds: Double) {
    precondition(load.warmups == 0, "an autoscaled fleet is not warmed up")
    if case .listed? = failures { preconditionFailure("nobody knows which replicas there will be") }
    var fleet = Fleet(
      load, router: router, isAlone: false, isWatched: autoscaler.looksAtReplicas,
      failures: failures, seed: seed)
    for _ in 0..<autoscaler.minReplicas {
      try fleet.add(replica, launch: .zero, ready: .zero)
    }
    fleet.faults.begin(replicas: fleet.members.count, seed: seed)
    fleet.scaler = Scaler(
      autoscaler, launched: fleet.members.count, maker: replica, seed: seed)
    let (record, seconds) = try fleet.run()
    return (record, fleet.scaler?.steps ?? [], seconds)
  }

  // MARK: The run

  private mutating func warmUp() throws {
    guard load.warmups > 0 else { return }
    do {
      let first = load.requests.count
      _ = try serve(first..<first + load.warmups, until: .distantFuture)
      for member in members { _ = try member.replica.drain() }
    } catch RunFailure.oversized(_, let admission) {
      // A warm-up is the first request of the trace.
      throw RunFailure.oversized(0, admission)
    }
    for number in members.indices {
      members[number].replica.restart()
      members[number].visit = .distantFuture
    }
    visits = EventQueue()
    reports?.restart()
    assignNone()
    setup.frontEnd?.restart()
    log.restart()
  }

  private mutating func run() throws -> (RunRecord, Double) {
    let limit = load.window.to ?? .distantFuture
    let hasMore = try serve(load.requests.indices, until: limit)
    let goesOn =
      hasMore || !faults.waiting.isEmpty || members.contains { !$0.replica.isIdle }
    // A run that is cut ends with its window, one that comes to its end with its last event.
    let ends = try members.map { goesOn && limit < .distantFuture ? limit : try $0.replica.drain() }
    let end = ends.max() ?? .zero
    var seconds = 0.0
    for (member, drained) in zip(members, ends) {
      let last = member.retired.map { max($0, drained) } ?? end
      seconds += (last - member.launch).seconds
    }
    let records = members.map { $0.replica.close(at: end) }
    for request in faults.waiting { log.arrivedNowhere(request, isRejected: false) }
    faults.close(at: end)
    log.dropWarmups(load.warmups)
    if load.answerTime > .zero { log.delayAnswers(by: load.answerTime) }
    let record = RunRecord(
      log, replicas: records, slotWeights: Self.slotWeights(members.map(\.slotBytes)),
      assignment: assignment, failures: faults.totals)
    return (record, seconds)
  }

  /// Serves some of the requests, up to `limit`.
  ///
  /// - Returns: Whether more would arrive then or later.
  private mutating func serve(_ range: Range<Int>, until limit: SimInstant) throws -> Bool {
    if looks == .never { return try serveApart(range, until: limit) }
    let log = log
    var senders = Senders(
      log.requests, range: range, clients: load.clients,
      turns: range == load.requests.indices ? load.turns : nil, frontEnd: setup.frontEnd)
    while true {
      let (arrival, visit) = (senders.nextArrival, visits.nextTime)
      let now = min(arrival, visit)
      if faults.areOn || isWatched, now < limit { try scale(to: now, &senders) }
      if faults.nextTime < limit, try faultIsNext(before: now, senders) {
        try takeFault(&senders)
        continue
      }
      if now >= limit { break }
      if visit < arrival {
        try takeReports(at: visit)
        try visitNext(&senders)
        continue
      }
      try scale(to: arrival, &senders)
      scaler?.arrived += 1
      try resume(at: arrival, &senders)
      let (request, sent) = senders.takeArrival()
      if isWatched { scaler?.inFlight.append(request) }
      if let sent { log.sent(request, at: sent) }
      try route(request, at: arrival, &senders)
      try ending?.came(1, log)
    }
    for member in members { try member.replica.advance(to: limit) }
    return senders.nextArrival < .distantFuture
  }

  /// The same where nobody looks at what replicas do: requests are shared out, then the replicas run one after the
  /// other.
  private mutating func serveApart(_ range: Range<Int>, until limit: SimInstant) throws -> Bool {
    let requests = setup.requests.requests
    let arriving = range.prefix { requests[$0].arrival < limit }
    if isAlone && ending == nil {
      try members[0].replica.serve(arriving.map { RequestID($0) }, until: limit)
      return arriving.count < range.count
    }
    let log = log
    var rest = arriving
    while !rest.isEmpty {
      // A part at a time, so that its requests stay near the processor while one replica after the other serves its own.
      let part = rest.prefix(ending?.stride ?? Self.sharedOutAtOnce)
      rest = rest.dropFirst(part.count)
      var shares = members.map { _ in [RequestID]() }
      for index in part {
        let request = RequestID(index)
        try scale(before: requests[index].arrival)
        while shares.count < members.count { shares.append([]) }
        let number = isAlone ? 0 : pick(request, at: requests[index].arrival)
        assign(request, to: number)
        shares[number].append(request)
      }
      let end = rest.first.map { requests[$0].arrival } ?? limit
      for (member, share) in zip(members, shares) { try member.replica.serve(share, until: end) }
      try ending?.came(part.count, log)
    }
    return arriving.count < range.count
  }

  private static var sharedOutAtOnce: Int { 1 << 16 }

  /// Visits the member whose turn it is: something may leave it now.
  private mutating func visitNext(_ senders: inout Senders) throws {
    guard let (now, event) = visits.popFirst() else { return }
    let number = Int(event)
    // It was to be visited then, and something came in between.
    guard members[number].visit == now else { return }
    let replica = members[number].replica
    members[number].visit = .distantFuture
    if let next = try replica.step(at: now) { note(next, for: number) }
    // Who comes still at this instant finds them in its queue, or admitted.
    members[number].decisions.removeAll { $0 <= now }
    update(number, replica, &senders)
  }

  private mutating func note(_ visit: SimInstant, for number: Int) {
    guard visit != members[number].visit else { return }
    members[number].visit = visit
    visits.insert(Int32(number), at: visit)
  }

  /// Takes in what a replica says of itself after a visit.
  mutating func update(
    _ number: Int, _ replica: any Replica, _ senders: inout Senders
  ) {
    if takesRequests(number), reports == nil { loads.set(number, to: replica.outstanding) }
    guard load.isClosed else { return }
    departures.removeAll(keepingCapacity: true)
    replica.takeDepartures(into: &departures)
    for departure in departures {
      senders.answered(departure.request, at: departure.time + load.answerTime)
    }
  }

  mutating func route(
    _ request: RequestID, at now: SimInstant, _ senders: inout Senders
  ) throws {
    if looks == .atArrivals || looks == .atDepartures && router.reads == .held && reports == nil {
      for number in members.indices {
        try members[number].replica.advance(to: now)
        if takesRequests(number) {
          loads.set(number, to: members[number].replica.outstanding)
        }
      }
    }
    try takeReports(at: now)
    guard !open.isEmpty else { return hold(request, at: now, &senders) }
    let number = isAlone ? 0 : pick(request, at: now)
    if reports != nil { loads.set(number, to: loads[number] + 1) }
    assign(request, to: number)
    faults.gave(request, to: number)
    let replica = members[number].replica
    try replica.advance(to: now)
    let decides = try replica.submit(request, at: now)
    if router.reads == .held { members[number].noteArrival(at: now, decision: decides) }
    guard looks == .atDepartures else { return }
    note(decides, for: number)
    update(number, replica, &senders)
  }

  /// - Parameter number: The member that gets it, again where another failed; `nil` while none runs.
  mutating func assign(_ request: RequestID, to number: Int?) {
    guard keepsAssignment else { return }
    let assigned = number.map(Int32.init) ?? -1
    if Int(request) < assignment.count {
      assignment[Int(request)] = assigned
    } else {
      assignment.append(assigned)
    }
  }

  /// Who serves a request that has arrived; `nil` while nobody does.
  func member(of request: RequestID) -> Int? {
    let assigned = Int(assignment[Int(request)])
    return assigned >= 0 ? assigned : nil
  }

  private mutating func pick(_ request: RequestID, at now: SimInstant) -> Int {
    let (members, reports) = (members, reports)
    return policy.pick(
      request,
      in: FleetView(
        open: open, loads: loads,
        heldShare: { reports?[$0].heldShare ?? members[$0].replica.heldShare },
        waiting: { reports?[$0].waiting ?? members[$0].waiting(at: now) },
        heldTokens: { reports?[$0].heldTokens ?? members[$0].replica.heldTokens },
        cachedTokens: { members[$0].replica.cachedTokens(of: request) }))
  }
}
