import Serving
import SimulationKernel
import Workload

/// What the failure of a replica takes where prefill and decode are apart.
///
///     prefill fails   its queue, its iteration, and blocks that wait to be read or are being read
///     decode fails    what it decodes, what it reads, and its queue; blocks that it had not read stay until their lease ends
///
/// Each of these requests goes through the router again, in the order in which it came there, and is served from its
/// prompt on; where it waited for keys and values of a replica that failed, its blocks are free at once. A request that is
/// prefilled for a replica that fails meanwhile is decoded by another. While no replica has one of the roles, requests wait
/// at the router, and computed prompts as long as their lease; if none will ever return, they are rejected.
///
/// - Source: a read that fails ends its request with an error in vLLM (`kv_load_failure_policy` is `fail` unless told
///   otherwise), a replica that decodes and fails leaves blocks to their lease (`docs/design/nixl_kv_cache_lease.md`), and
///   llm-d's guide to operations says of both that clients see an error. That they send again, at once, and that the
///   router knows of a failure as soon as it happens, is ours, as it is where replicas do both (``Fleet``).
extension SplitFleet {
  /// Whether a replica fails or returns before all else, and before the run is over.
  ///
  /// - Parameter next: When something else happens.
  func faultIsNext(before next: SimInstant) -> Bool {
    let time = faults.nextTime
    guard time < .distantFuture, time <= next else { return false }
    return isBusy
  }

  /// Whether a request is to come, or on its way.
  var isBusy: Bool {
    senders.nextArrival < .distantFuture || !transfers.isEmpty || !computed.isEmpty
      || !faults.waiting.isEmpty
      || members.contains { !$0.replica.isIdle || $0.replica.outstanding > 0 }
  }

  mutating func takeFault() throws {
    guard let (now, number, change) = faults.popFirst() else { return }
    switch change {
    case .fails: try fail(number, at: now)
    case .returns: try returns(number, at: now)
    }
  }

  /// What ends at `now` is lost.
  private mutating func fail(_ number: Int, at now: SimInstant) throws {
    let failed = members[number].replica
    try failed.advance(to: now)
    try update(number, at: now)
    let tokens = failed.heldTokens
    let replica = try makeReplica(members[number].place)
    try replica.replace(failed, at: now)
    members[number].replica = replica
    members[number].visit = .distantFuture
    members[number].leased = [:]
    changePool(of: number) { $0.close(number) }
    transfers.cancel(of: number, at: now)
    let isPrefill = members[number].isPrefill
    let lost = faults.failed(number, at: now).filter {
      !log.hasEnded($0) && !prompts.isRejected($0)
        && (!isPrefill || handOffs[Int($0)].arrived == nil)
    }
    faults.lost(lost.count, tokens: tokens, of: number, at: now)
    try restart(lost, at: now)
  }

  /// Requests whose replica failed, or whose keys and values are gone, begin again.
  private mutating func restart(_ requests: [RequestID], at now: SimInstant) throws {
    for request in requests {
      try faults.restarts(request, at: now)
      if let number = decoders.removeValue(forKey: request) { promise(number, -1) }
      computed.removeAll { $0 == request }
      let handOff = handOffs[Int(request)]
      if handOff.replica >= 0 {
        try takeBack(request, handOff, at: now)
        log.forget(request)
      }
      if local.remove(request) == nil { prompts.forget(request) } else { log.forget(request) }
      handOffs[Int(request)] = HandOff()
    }
    for request in requests { try route(request, at: now) }
  }

  /// Takes a request from the replica that was to decode it, and leaves its blocks at the first to their lease if it is that
  /// one that failed.
  private mutating func takeBack(
    _ request: RequestID, _ handOff: HandOff, at now: SimInstant
  ) throws {
    let number = Int(handOff.replica)
    guard faults.isDown(number) else {
      return try tell(number, KVMoves(withdrawn: [request]), at: now)
    }
    guard handOff.arrived == nil, let prefilled = handOff.prefilled else { return }
    lease(request, until: Lease.end(prefilled: prefilled, lastHeard: now))
  }

  private mutating func returns(_ number: Int, at now: SimInstant) throws {
    faults.returned(number, at: now)
    changePool(of: number) { $0.admit(number) }
    noteLoad(of: number)
    if !decode.open.isEmpty {
      let ready = computed
      computed = []
      for request in ready {
        members[Int(assignment[Int(request)])].leased[request] = nil
        try handOff(request, at: now)
      }
    }
    let waiting = faults.waiting
    faults.waiting = []
    for request in waiting { try route(request, at: now) }
  }

  // MARK: While a role has no replica

  /// A request comes to the router while no replica computes its prompt, or none would decode it.
  mutating func hold(_ request: RequestID, at now: SimInstant) {
    assignment[Int(request)] = -1
    guard willReturn(prefill), willReturn(decode) else {
      prompts.arrivedNowhere(request, isRejected: true)
      return senders.answered(request, at: now + load.answerTime)
    }
    faults.waiting.append(request)
  }

  /// A request whose prompt is computed waits while no replica decodes.
  mutating func wait(_ request: RequestID, at now: SimInstant) {
    lease(request, until: now + Lease.term)
    guard willReturn(decode) else {
      log.arrivedNowhere(request, isRejected: true)
      return senders.answered(request, at: now + load.answerTime)
    }
    computed.append(request)
  }

  /// Whether replicas of a role run, or will.
  private func willReturn(_ pool: Pool) -> Bool {
    !pool.open.isEmpty || faults.willReturn(pool.all)
  }

  // MARK: Leases

  /// The replica that computed a request's prompt keeps the blocks so long, although nobody reads them.
  mutating func lease(_ request: RequestID, until end: SimInstant) {
    let number = Int(assignment[Int(request)])
    members[number].leased[request] = end
    leases.insert(Lease(request: request, replica: number), at: end)
  }

  /// A lease ends, unless the blocks went before: then they are free, and who waited for a replica to read them has to
  /// begin again.
  mutating func endLease(at now: SimInstant) throws {
    guard let (_, lease) = leases.popFirst(),
      members[lease.replica].leased[lease.request] == now
    else { return }
    members[lease.replica].leased[lease.request] = nil
    try tell(lease.replica, KVMoves(sent: [lease.request]), at: now)
    if computed.contains(lease.request), Int(assignment[Int(lease.request)]) == lease.replica {
      try restart([lease.request], at: now)
    }
  }

  /// A request comes again to a replica that may have blocks of it still: they are given up then.
  mutating func dropBlocks(of request: RequestID, at number: Int, _ now: SimInstant) throws {
    members[number].leased[request] = nil
    try tell(number, KVMoves(withdrawn: [request]), at: now)
  }
}

/// For how long a replica keeps the keys and values of a prompt for one that decodes.
///
///     computed |────────── 30 s ──────────|            no word of the other: free then
///              |5 s|5 s|5 s|5 s ✗|── 20 s ──|          each word of it, every 5 s: not before 20 s later
///
/// - Source: the connector over NIXL of vLLM 0.33: `kv_lease_duration`, of which a heartbeat every sixth extends the lease
///   by two thirds. That heartbeats come at multiples of 5 s from the end of the prompt is reconstructed: they come from
///   iterations of the replica that decodes, once it has the request.
struct Lease {
  var request: RequestID
  /// The one that keeps them.
  var replica: Int

  static let term = SimDuration(nanoseconds: 30_000_000_000)
  private static let interval: Int64 = 5_000_000_000
  private static let extensionTerm = SimDuration(nanoseconds: 20_000_000_000)

  /// When a lease ends whose request was last heard of at `lastHeard`.
  static func end(prefilled: SimInstant, lastHeard: SimInstant) -> SimInstant {
    let words = (lastHeard - prefilled).nanoseconds / interval
    let last = prefilled + SimDuration(nanoseconds: words * interval)
    return max(prefilled + term, last + extensionTerm)
  }
}
