import Serving
import SimulationKernel
import Workload

/// Prefill and decode apart, on one clock: a request goes to a replica that computes its prompt, and from there to one that
/// decodes, which reads the keys and values before.
///
///     senders ──▶ router ──▶ prefill 0 ──┐ prompt is computed          ┌──▶ decode 2 ──┐
///                        ──▶ prefill 1 ──┴──────────────────▶ router ──┴──▶ decode 3 ──┴──▶ departures
///                                 ▲ └ keys and values stay until they have been read ┘
///                                 └──────────────── reads over a KVLink ─────────────┘
///
/// Every replica is visited at the end of each of its iterations. At one instant replicas return first, then others fail,
/// then requests arrive, then transfers end, then replicas decide, those that prefill before those that decode.
///
/// Where replicas that decode may compute short prompts themselves, the one that would decode is picked when a request
/// comes; if its prefix cache lacks few enough tokens of the prompt, it does both.
///
/// - Source: vLLM's connector over NIXL: the proxy asks the first replica for one token; the second reads all of the prompt
///   that its own prefix cache lacks once the first is done, and computes the last token of the prompt again. Short
///   prompts: llm-d, which picks who decodes first, and Dynamo.
struct SplitFleet {
  /// The replicas of one role, and who shares requests out among them.
  struct Pool {
    var policy: any RoutingPolicy
    /// Numbers of the replicas, and of those of them that take requests.
    var all: [Int] = []
    var open: [Int] = []
    var loads = LoadTree()

    mutating func admit(_ number: Int) {
      open.append(number)
      open.sort()
    }

    mutating func close(_ number: Int) {
      open.removeAll { $0 == number }
      loads.close(number)
    }

    mutating func pick(_ request: RequestID, among members: [Member]) -> Int {
      guard all.count > 1 else { return open[0] }
      return policy.pick(
        request,
        in: FleetView(
          open: open, loads: loads, heldShare: { members[$0].replica.heldShare },
          waiting: { members[$0].replica.waiting },
          heldTokens: { members[$0].replica.heldTokens },
          cachedTokens: { members[$0].replica.cachedTokens(of: request) }))
    }
  }

  struct Member {
    var replica: any Replica
    let place: Fleet.Place
    /// When it is to be visited; ``SimInstant/distantFuture`` for never.
    var visit = SimInstant.distantFuture
    /// Until when it keeps keys and values that nobody reads (``Lease``).
    var leased: [RequestID: SimInstant] = [:]

    var isPrefill: Bool { place.role == .prefill }
  }

  let load: Fleet.Load
  /// Of the replicas that compute prompts, and of those that decode.
  let prompts: RequestLog
  let log: RequestLog
  /// What replicas of each role are made with.
  private let setups: (prefill: ReplicaSetup, decode: ReplicaSetup)
  var prefill: Pool
  var decode: Pool
  var members: [Member] = []
  var senders: Senders
  var transfers: KVTransfers
  private var visits = EventQueue<Int32>()
  /// When leases end.
  var leases = EventQueue<Lease>()
  var faults: Faults
  /// Requests whose prompts are computed while no replica decodes, in the order in which they were.
  var computed: [RequestID] = []
  /// By request: the replica that computes its prompt, −1 for none.
  var assignment: [Int32]
  var handOffs: [HandOff]
  /// Whether who decodes is picked when requests come.
  private let picksDecodeFirst: Bool
  /// By request that is with a replica that prefills: who will decode it, if that is known.
  var decoders: [RequestID: Int] = [:]
  /// Of each member, how many requests it will decode.
  private var promised: [Int]
  /// Requests that one replica serves alone.
  var local: Set<RequestID> = []

  /// - Parameter seed: Of what the routers draw.
  /// - Throws: ``RunFailure``.
  static func serve(
    _ load: Fleet.Load, on places: [Fleet.Place], router: Router, link: KVLink,
    failures: Failures?, seed: UInt64
  ) throws -> (record: RunRecord, replicaSeconds: Double) {
    precondition(load.warmups == 0, "replicas of different roles are not warmed up")
    var fleet = try SplitFleet(
      load, on: places, router: router, link: link, failures: failures, seed: seed)
    fleet.faults.begin(replicas: places.count, seed: seed)
    return try fleet.run()
  }

  private init(
    _ load: Fleet.Load, on places: [Fleet.Place], router: Router, link: KVLink,
    failures: Failures?, seed: UInt64
  ) throws {
    self.load = load
    faults = Faults(failures, window: load.window)
    log = RequestLog(
      load.requests, turns: load.turns, window: load.window,
      keepsPreemptions: load.keepsPreemptions)
    let firstTokens = load.requests.map { request in
      var prompt = request
      prompt.outputTokens = min(1, request.outputTokens)
      return prompt
    }
    prompts = RequestLog(
      firstTokens, turns: load.turns, window: load.window,
      keepsPreemptions: load.keepsPreemptions)
    let frontEnd = load.clients == nil ? nil : load.frontEnd.process
    senders = Senders(
      load.requests, range: load.requests.indices, clients: load.clients, turns: load.turns,
      frontEnd: frontEnd)
    let routed = RoutedRun(requests: load.requests, contents: load.contents, seed: seed)
    prefill = Pool(policy: router.make(routed))
    decode = Pool(policy: router.make(routed))
    transfers = KVTransfers(link)
    assignment = Array(repeating: -1, count: load.requests.count)
    handOffs = Array(repeating: HandOff(), count: load.requests.count)
    picksDecodeFirst = places.contains { $0.localPrefillMax != nil }
    promised = Array(repeating: 0, count: places.count)
    var setups = [prompts, log].map {
      ReplicaSetup($0, contents: load.contents, arrivalsAreKnown: load.turns == nil)
    }
    for side in setups.indices {
      setups[side].oversized = load.oversized
      setups[side].keepsDepartures = true
      setups[side].role = side == 0 ? .prefill : .decode
    }
    setups[1].frontEnd = frontEnd
    self.setups = (setups[0], setups[1])
    for place in places { try add(place) }
    precondition(!prefill.open.isEmpty && !decode.open.isEmpty, "a role that no replica has")
  }

  private mutating func add(_ place: Fleet.Place) throws {
    precondition(place.role != .both, "a replica that prefills and decodes among others")
    let number = members.count
    members.append(Member(replica: try makeReplica(place), place: place))
    prefill.loads.append()
    decode.loads.append()
    changePool(of: number) {
      $0.all.append(number)
      $0.admit(number)
      $0.loads.set(number, to: 0)
    }
  }

  func makeReplica(_ place: Fleet.Place) throws -> any Replica {
    try place.make(place.role == .prefill ? setups.prefill : setups.decode)
  }

  /// Changes the pool of the role that a member has.
  mutating func changePool(of number: Int, _ change: (inout Pool) -> Void) {
    if members[number].isPrefill { change(&prefill) } else { change(&decode) }
  }

  // MARK: The run

  private mutating func run() throws -> (RunRecord, Double) {
    let limit = load.window.to ?? .distantFuture
    while true {
      let now = next
      if faults.nextTime < limit, faultIsNext(before: now) {
        try takeFault()
        continue
      }
      if now >= limit { break }
      try happen(at: now)
    }
    if limit < .distantFuture { for member in members { try member.replica.advance(to: limit) } }
    let goesOn = isBusy
    let ends = try members.map {
      goesOn && limit < .distantFuture ? limit : try $0.replica.drain()
    }
    let end = ends.max() ?? .zero
    let records = members.map { member in
      var record = member.replica.close(at: end)
      // The token that comes with a prompt is computed again where the request is decoded, and counts there.
      if member.isPrefill { record.emittedTokens = 0 }
      return record
    }
    for request in faults.waiting { prompts.arrivedNowhere(request, isRejected: false) }
    faults.close(at: end)
    log.takeOver(prompts, &handOffs, except: local)
    if load.answerTime > .zero { log.delayAnswers(by: load.answerTime) }
    let record = RunRecord(
      log, replicas: records, slotWeights: Fleet.slotWeights(members.map(\.place.slotBytes)),
      assignment: assignment, handOffs: handOffs, failures: faults.totals)
    return (record, Double(members.count) * end.seconds)
  }

  /// When something happens next; what ends leases only if somebody may wait for it.
  private var next: SimInstant {
    let coming = min(senders.nextArrival, transfers.nextChange, visits.nextTime)
    guard leases.nextTime < coming else { return coming }
    let isWaitedFor =
      coming < .distantFuture || !computed.isEmpty
      || prefill.open.contains { members[$0].replica.outstanding > 0 }
    return isWaitedFor ? leases.nextTime : coming
  }

  private mutating func happen(at now: SimInstant) throws {
    if senders.nextArrival == now {
      let (request, sent) = senders.takeArrival()
      if let sent { for log in [prompts, log] { log.sent(request, at: sent) } }
      try route(request, at: now)
    } else if transfers.nextChange == now {
      for request in transfers.advance(to: now) {
        handOffs[Int(request)].arrived = now
        try tell(Int(handOffs[Int(request)].replica), KVMoves(received: [request]), at: now)
        try tell(Int(assignment[Int(request)]), KVMoves(sent: [request]), at: now)
      }
    } else if leases.nextTime == now {
      try endLease(at: now)
    } else if let (_, event) = visits.popFirst() {
      try visit(Int(event), at: now)
    }
  }

  /// Gives a request to a replica that prefills, or to the one that will decode it if that computes short prompts and lacks
  /// few enough tokens of this one.
  mutating func route(_ request: RequestID, at now: SimInstant) throws {
    guard !decode.open.isEmpty else { return hold(request, at: now) }
    if picksDecodeFirst {
      let number = decode.pick(request, among: members)
      let replica = members[number].replica
      let lacking =
        Int(load.requests[Int(request)].promptTokens) - replica.cachedTokens(of: request)
      if let most = members[number].place.localPrefillMax, lacking <= most {
        local.insert(request)
        assignment[Int(request)] = Int32(number)
        try replica.advance(to: now)
        _ = replica.takeIn(KVMoves(local: [request]), at: now)
        return try submit(request, to: number, at: now)
      }
      if !prefill.open.isEmpty {
        decoders[request] = number
        promise(number, 1)
      }
    }
    guard !prefill.open.isEmpty else { return hold(request, at: now) }
    let number = prefill.pick(request, among: members)
    assignment[Int(request)] = Int32(number)
    if faults.hasRestarted(request) { try dropBlocks(of: request, at: number, now) }
    try submit(request, to: number, at: now)
  }

  /// Requests that a replica will decode count as if it had them.
  mutating func promise(_ number: Int, _ change: Int) {
    promised[number] += change
    noteLoad(of: number)
  }

  /// Notes how many requests a member has, for the router.
  mutating func noteLoad(of number: Int) {
    guard !faults.isDown(number) else { return }
    let load = members[number].replica.outstanding + promised[number]
    changePool(of: number) { $0.loads.set(number, to: load) }
  }

  /// Visits a member, whose iteration may end now.
  private mutating func visit(_ number: Int, at now: SimInstant) throws {
    // It was to be visited then, and something came in between.
    guard members[number].visit == now else { return }
    members[number].visit = .distantFuture
    if let next = try members[number].replica.step(at: now) { note(next, for: number) }
    try update(number, at: now)
  }

  private mutating func note(_ visit: SimInstant, for number: Int) {
    guard visit != members[number].visit else { return }
    members[number].visit = visit
    // Who prefills first: what it hands over has arrived when the others decide.
    visits.insert(
      Int32(number), at: visit, rank: members[number].isPrefill ? 0 : 1)
  }

  private mutating func submit(_ request: RequestID, to number: Int, at now: SimInstant) throws {
    faults.gave(request, to: number)
    try members[number].replica.advance(to: now)
    note(try members[number].replica.submit(request, at: now), for: number)
    try update(number, at: now)
  }

  mutating func tell(_ number: Int, _ moves: KVMoves, at now: SimInstant) throws {
    try members[number].replica.advance(to: now)
    note(members[number].replica.takeIn(moves, at: now), for: number)
    try update(number, at: now)
  }

  /// Takes in what a replica says of itself.
  mutating func update(_ number: Int, at now: SimInstant) throws {
    let (replica, place) = (members[number].replica, members[number].place)
    let isPrefill = members[number].isPrefill
    noteLoad(of: number)
    for pull in replica.takePulls() {
      let request = Int(pull.request)
      let bytes = place.kvBytes(Int(pull.externalTokens), Int(pull.cachedTokens))
      handOffs[request].asked = now
      handOffs[request].bytes += bytes
      transfers.begin(
        pull.request, bytes: bytes, from: Int(assignment[request]), to: number, at: now)
    }
    var departures: [Departure] = []
    replica.takeDepartures(into: &departures)
    for departure in departures {
      if isPrefill, !prompts.isRejected(departure.request) {
        handOffs[Int(departure.request)].prefilled = now
        try handOff(departure.request, at: now)
      } else {
        senders.answered(departure.request, at: departure.time + load.answerTime)
        if let number = decoders.removeValue(forKey: departure.request) { promise(number, -1) }
        if !isPrefill, log.isRejected(departure.request), !local.contains(departure.request) {
          lease(departure.request, until: now + Lease.term)
        }
      }
    }
  }

  /// Gives a request whose prompt is computed to the replica that was picked to decode it, unless that is down.
  mutating func handOff(_ request: RequestID, at now: SimInstant) throws {
    var first = decoders.removeValue(forKey: request)
    if let number = first {
      promise(number, -1)
      if faults.isDown(number) { first = nil }
    }
    guard !decode.open.isEmpty else { return wait(request, at: now) }
    let number = first ?? decode.pick(request, among: members)
    handOffs[Int(request)].replica = Int32(number)
    try submit(request, to: number, at: now)
  }
}
