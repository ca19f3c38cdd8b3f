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
/// Every replica is visited at the end of each of its iterations. At one instant requests arrive first, then transfers end,
/// then replicas decide, those that prefill before those that decode.
///
/// Where replicas that decode may compute short prompts themselves, the one that would decode is picked when a request
/// comes; if its prefix cache lacks few enough tokens of the prompt, it does both.
///
/// - Source: vLLM's connector over NIXL: the proxy asks the first replica for one token; the second reads all of the prompt
///   that its own prefix cache lacks once the first is done, and computes the last token of the prompt again. Short
///   prompts: llm-d, which picks who decodes first, and Dynamo.
struct SplitFleet {
  /// For how long keys and values stay that nobody will read, because the replica that would decode refused the request.
  ///
  /// - Source: the lease of the NIXL connector in vLLM 0.33, of which no heartbeat comes then.
  static let lease = SimDuration(nanoseconds: 30_000_000_000)

  /// The replicas of one role, and who shares requests out among them.
  private struct Pool {
    var policy: any RoutingPolicy
    /// Numbers of the replicas.
    var open: [Int] = []
    var loads = LoadTree()

    mutating func add(_ number: Int) {
      open.append(number)
      loads.set(number, to: 0)
    }

    mutating func pick(_ request: RequestID, among members: [Member]) -> Int {
      guard open.count > 1 else { return open[0] }
      return policy.pick(
        request,
        in: FleetView(
          open: open, loads: loads, heldShare: { members[$0].replica.heldShare },
          waiting: { members[$0].replica.waiting },
          heldTokens: { members[$0].replica.heldTokens },
          cachedTokens: { members[$0].replica.cachedTokens(of: request) }))
    }
  }

  private struct Member {
    let replica: any Replica
    let place: Fleet.Place
    /// When it is to be visited; ``SimInstant/distantFuture`` for never.
    var visit = SimInstant.distantFuture
  }

  private let load: Fleet.Load
  /// Of the replicas that compute prompts, and of those that decode.
  private let prompts: RequestLog
  private let log: RequestLog
  private var prefill: Pool
  private var decode: Pool
  private var members: [Member] = []
  private var senders: Senders
  private var transfers: KVTransfers
  private var visits = EventQueue<Int32>()
  /// Requests whose keys and values nobody will read, and until when they stay.
  private var leases = EventQueue<RequestID>()
  /// By request: the replica that computes its prompt, −1 before it arrives.
  private var assignment: [Int32]
  private var handOffs: [HandOff]
  /// Whether who decodes is picked when requests come.
  private let picksDecodeFirst: Bool
  /// By request that is with a replica that prefills: who will decode it, if that is known.
  private var decoders: [RequestID: Int] = [:]
  /// Of each member, how many requests it will decode.
  private var promised: [Int]
  /// Requests that one replica serves alone.
  private var local: Set<RequestID> = []

  /// - Parameter seed: Of what the routers draw.
  /// - Throws: ``RunFailure``.
  static func serve(
    _ load: Fleet.Load, on places: [Fleet.Place], router: Router, link: KVLink, seed: UInt64
  ) throws -> (record: RunRecord, replicaSeconds: Double) {
    precondition(load.warmups == 0, "replicas of different roles are not warmed up")
    var fleet = try SplitFleet(load, on: places, router: router, link: link, seed: seed)
    return try fleet.run()
  }

  private init(
    _ load: Fleet.Load, on places: [Fleet.Place], router: Router, link: KVLink, seed: UInt64
  ) throws {
    self.load = load
    log = RequestLog(load.requests, turns: load.turns, window: load.window)
    let firstTokens = load.requests.map { request in
      var prompt = request
      prompt.outputTokens = min(1, request.outputTokens)
      return prompt
    }
    prompts = RequestLog(firstTokens, turns: load.turns, window: load.window)
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
    for place in places {
      precondition(place.role != .both, "a replica that prefills and decodes among others")
      let number = members.count
      let isPrefill = place.role == .prefill
      members.append(Member(replica: try place.make(setups[isPrefill ? 0 : 1]), place: place))
      prefill.loads.append()
      decode.loads.append()
      if isPrefill { prefill.add(number) } else { decode.add(number) }
    }
    precondition(!prefill.open.isEmpty && !decode.open.isEmpty, "a role that no replica has")
  }

  // MARK: The run

  private mutating func run() throws -> (RunRecord, Double) {
    let limit = load.window.to ?? .distantFuture
    while true {
      let now = next
      if now >= limit { break }
      try happen(at: now)
    }
    if limit < .distantFuture { for member in members { try member.replica.advance(to: limit) } }
    let goesOn =
      senders.nextArrival < .distantFuture || !transfers.isEmpty
      || members.contains { !$0.replica.isIdle }
    let ends = try members.map {
      goesOn && limit < .distantFuture ? limit : try $0.replica.drain()
    }
    let end = ends.max() ?? .zero
    let records = members.map { member in
      var record = member.replica.close(at: end)
      // The token that comes with a prompt is computed again where the request is decoded, and counts there.
      if member.place.role == .prefill { record.emittedTokens = 0 }
      return record
    }
    log.takeOver(prompts, &handOffs, except: local)
    if load.answerTime > .zero { log.delayAnswers(by: load.answerTime) }
    let record = RunRecord(
      log, replicas: records, slotWeights: Fleet.slotWeights(members.map(\.place.slotBytes)),
      assignment: assignment, handOffs: handOffs)
    return (record, Double(members.count) * end.seconds)
  }

  /// When something happens next; what ends leases only if somebody may wait for it.
  private var next: SimInstant {
    let coming = min(senders.nextArrival, transfers.nextChange, visits.nextTime)
    guard leases.nextTime < coming else { return coming }
    let isWaitedFor =
      coming < .distantFuture || prefill.open.contains { members[$0].replica.outstanding > 0 }
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
    } else if leases.nextTime == now, let (_, request) = leases.popFirst() {
      try tell(Int(assignment[Int(request)]), KVMoves(sent: [request]), at: now)
    } else if let (_, event) = visits.popFirst() {
      try visit(Int(event), at: now)
    }
  }

  /// Gives an arriving request to a replica that prefills, or to the one that will decode it if that computes short prompts
  /// and lacks few enough tokens of this one.
  private mutating func route(_ request: RequestID, at now: SimInstant) throws {
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
      decoders[request] = number
      promise(number, 1)
    }
    let number = prefill.pick(request, among: members)
    assignment[Int(request)] = Int32(number)
    try submit(request, to: number, at: now)
  }

  /// Requests that a replica will decode count as if it had them.
  private mutating func promise(_ number: Int, _ change: Int) {
    promised[number] += change
    decode.loads.set(number, to: members[number].replica.outstanding + promised[number])
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
      Int32(number), at: visit, rank: members[number].place.role == .prefill ? 0 : 1)
  }

  private mutating func submit(_ request: RequestID, to number: Int, at now: SimInstant) throws {
    try members[number].replica.advance(to: now)
    note(try members[number].replica.submit(request, at: now), for: number)
    try update(number, at: now)
  }

  private mutating func tell(_ number: Int, _ moves: KVMoves, at now: SimInstant) throws {
    try members[number].replica.advance(to: now)
    note(members[number].replica.takeIn(moves, at: now), for: number)
    try update(number, at: now)
  }

  /// Takes in what a replica says of itself.
  private mutating func update(_ number: Int, at now: SimInstant) throws {
    let (replica, place) = (members[number].replica, members[number].place)
    let isPrefill = place.role == .prefill
    if isPrefill {
      prefill.loads.set(number, to: replica.outstanding)
    } else {
      decode.loads.set(number, to: replica.outstanding + promised[number])
    }
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
        try handOff(departure.request, at: now)
      } else {
        senders.answered(departure.request, at: departure.time + load.answerTime)
        if let number = decoders.removeValue(forKey: departure.request) { promise(number, -1) }
        if !isPrefill, log.isRejected(departure.request), !local.contains(departure.request) {
          leases.insert(departure.request, at: now + Self.lease)
        }
      }
    }
  }

  private mutating func handOff(_ request: RequestID, at now: SimInstant) throws {
    let first = decoders.removeValue(forKey: request)
    if let first { promise(first, -1) }
    let number = first ?? decode.pick(request, among: members)
    handOffs[Int(request)].replica = Int32(number)
    try submit(request, to: number, at: now)
  }
}
