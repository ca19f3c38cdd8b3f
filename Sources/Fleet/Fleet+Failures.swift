import Serving
import SimulationKernel
import Workload

/// What a failure takes and what becomes of it.
///
///     replica 1   |── request 3 ──✗            ✗ its engine is gone: keys and values, prefix cache, queue
///     replica 0            |────── request 3 from its beginning ──────|
///
/// Each request that had not ended there goes through the router again, in order of arrival, and is served from its
/// beginning: what was sent of its answer is thrown away. While no replica runs, requests wait at the router; if none will
/// ever return, they are rejected.
///
/// An autoscaler counts a replica that is down as launched, and starts none for it: the replica returns by itself, unless it
/// was told to take no more requests. Kubernetes has it so, where a container that ends is started again in its pod, which
/// counts among the replicas that there are.
///
/// - Source: requests in flight at the failure of a rank fail, and clients send them again (EEP, arXiv 2605.10670); that
///   the router knows at once, and sends them itself, is ours.
extension Fleet {
  /// Whether a replica fails or returns before all else, and before the run is over.
  ///
  /// - Parameter next: When something else happens.
  mutating func faultIsNext(before next: SimInstant, _ senders: Senders) throws -> Bool {
    let time = faults.nextTime
    guard time < .distantFuture, time <= next else { return false }
    if senders.nextArrival < .distantFuture || !faults.waiting.isEmpty { return true }
    for member in members { try member.replica.advance(to: time) }
    return members.contains { !$0.replica.isIdle }
  }

  mutating func takeFault(_ senders: inout Senders) throws {
    try scale(to: faults.nextTime, &senders)
    guard let (now, number, change) = faults.popFirst() else { return }
    try resume(at: now, &senders)
    switch change {
    case .fails:
      // Who was told to take no more, and has nothing left, is gone.
      if members[number].retired == nil || members[number].replica.outstanding > 0 {
        try fail(number, at: now, &senders)
      }
    case .returns: try returns(number, at: now, &senders)
    }
  }

  /// What ends at `now` is lost.
  private mutating func fail(
    _ number: Int, at now: SimInstant, _ senders: inout Senders
  ) throws {
    let failed = members[number].replica
    try failed.advance(to: now)
    update(number, failed, &senders)
    let tokens = failed.heldTokens
    try replaceEngine(of: number, at: now)
    loads.close(number)
    open.removeAll { $0 == number }
    let retried = faults.failed(number, at: now).filter { !log.hasEnded($0) }
    faults.lost(retried.count, tokens: tokens, of: number, at: now)
    for request in retried {
      try faults.restarts(request, at: now)
      log.forget(request)
      try route(request, at: now, &senders)
    }
  }

  /// An engine that holds nothing takes the place of a replica's, which is gone; what was recorded stays.
  mutating func replaceEngine(of number: Int, at now: SimInstant) throws {
    let replica = try members[number].make(setup)
    try replica.replace(members[number].replica, at: now)
    members[number].replica = replica
    members[number].visit = .distantFuture
    members[number].decisions = []
  }

  private mutating func returns(
    _ number: Int, at now: SimInstant, _ senders: inout Senders
  ) throws {
    faults.returned(number, at: now)
    guard members[number].retired == nil else { return }
    admit(number)
    open.sort()
    try resume(at: now, &senders)
  }

  /// Requests that waited at the router go on, if a replica takes them.
  mutating func resume(at now: SimInstant, _ senders: inout Senders) throws {
    guard !open.isEmpty, !faults.waiting.isEmpty else { return }
    let waiting = faults.waiting
    faults.waiting = []
    for request in waiting { try route(request, at: now, &senders) }
  }

  /// A request comes to the router while no replica runs.
  mutating func hold(_ request: RequestID, at now: SimInstant, _ senders: inout Senders) {
    assign(request, to: nil)
    guard !faults.willReturn(members.indices) else {
      faults.waiting.append(request)
      return
    }
    log.arrivedNowhere(request, isRejected: true)
    senders.answered(request, at: now + load.answerTime)
  }
}
