import Serving
import SimulationKernel
import Workload

/// An autoscaler at work.
struct Scaler {
  var autoscaler: Autoscaler
  let maker: Fleet.Maker
  /// When it decides next.
  var tick: SimInstant
  /// Requests since it decided last.
  var arrived = 0
  /// What replicas reported since then.
  var reports: [[ReplicaReport]] = []
  /// Requests that were answered since then.
  var answered = AnsweredRequests()
  /// Requests that were not answered when it looked last, in order of arrival; kept where it looks at replicas.
  var inFlight: [RequestID] = []
  var steps: [ScalingStep]
  /// Of when replicas fail that it launches.
  let seed: UInt64

  init(_ autoscaler: Autoscaler, launched: Int, maker: @escaping Fleet.Maker, seed: UInt64) {
    self.autoscaler = autoscaler
    self.maker = maker
    self.seed = seed
    tick = .zero + autoscaler.interval
    steps = [ScalingStep(time: .zero, arrived: 0, launched: launched, ready: launched)]
  }

  /// When replicas report next, or it decides.
  var nextLook: SimInstant {
    guard case .reports(let count) = autoscaler.rule.reads else { return tick }
    let ahead = Int64(count - 1 - reports.count)
    return SimInstant(
      nanoseconds: tick.nanoseconds - autoscaler.interval.nanoseconds * ahead / Int64(count))
  }

  /// The last decision ended replicas that had not answered so many requests.
  mutating func noteRestarted(_ count: Int) { steps[steps.count - 1].restarted += count }
}

extension Fleet {
  /// Lets the autoscaler decide whose time has come when a request arrives at `now`, where it lets replicas drain.
  mutating func scale(before now: SimInstant) throws {
    guard scaler != nil else { return }
    while let decision = try decideNext(by: now) {
      precondition(decision.killed.isEmpty, "nobody looks at the replicas that are to end")
    }
    openReady(at: min(now, faults.nextTime))
    scaler?.arrived += 1
  }

  /// Lets the autoscaler decide whose time has come at `now`, up to the next failure: a replica that it launches may fail
  /// before that instant.
  mutating func scale(to now: SimInstant, _ senders: inout Senders) throws {
    guard scaler != nil else { return }
    while let (time, killed) = try decideNext(by: now) {
      for number in killed { try kill(number, at: time, &senders) }
    }
    openReady(at: min(now, faults.nextTime))
  }

  /// Lets replicas report, or the autoscaler decide, if the time for that has come at `now`.
  ///
  /// - Returns: When that was, and which replicas end at once; `nil` if nothing is due.
  private mutating func decideNext(
    by now: SimInstant
  ) throws -> (time: SimInstant, killed: [Int])? {
    guard let time = scaler?.nextLook, time <= min(now, faults.nextTime), var scaler else {
      return nil
    }
    // Nobody else refers to its arrays while they grow.
    self.scaler = nil
    defer { self.scaler = scaler }
    if scaler.autoscaler.looksAtReplicas { try look(&scaler, at: time) }
    guard time == scaler.tick else { return (time, []) }
    let removed = try decide(&scaler, at: time)
    openReady(at: time)
    scaler.steps.append(
      ScalingStep(
        time: time, arrived: scaler.arrived,
        launched: members.count { $0.retired == nil }, ready: open.count))
    (scaler.tick, scaler.arrived) = (scaler.tick + scaler.autoscaler.interval, 0)
    (scaler.reports, scaler.answered) = ([], AnsweredRequests())
    return (time, scaler.autoscaler.removal == .kill ? removed : [])
  }

  /// Lets all that take requests report what they have before anything happens at `now`.
  private mutating func look(_ scaler: inout Scaler, at now: SimInstant) throws {
    try takeReports(at: now)
    for member in members { try member.replica.advance(to: now) }
    var answered = AnsweredRequests()
    var waitingTokens = Array(repeating: 0, count: members.count)
    scaler.inFlight.removeAll { request in
      let tokens = load.requests[Int(request)]
      if log.hasEnded(request) {
        guard !log.isRejected(request) else { return true }
        answered += AnsweredRequests(
          count: 1, promptTokens: Int(tokens.promptTokens), outputTokens: Int(tokens.outputTokens))
        return true
      }
      let number = member(of: request)
      if let number, log.milestones(of: request).firstScheduled == nil {
        waitingTokens[number] += Int(tokens.promptTokens)
      }
      return false
    }
    scaler.answered += answered
    let reporting = members.indices.filter { takesRequests($0) && members[$0].ready <= now }
    scaler.reports.append(
      reporting.map { number in
        let replica = members[number].replica
        return ReplicaReport(
          replica: number, running: replica.outstanding - replica.waiting,
          waiting: replica.waiting, heldShare: replica.heldShare, heldTokens: replica.heldTokens,
          waitingTokens: waitingTokens[number])
      })
  }

  /// Launches and retires until as many replicas are there, or on their way, as are wanted.
  ///
  /// - Returns: Those that are let go.
  private mutating func decide(_ scaler: inout Scaler, at now: SimInstant) throws -> [Int] {
    let staying = members.indices.filter { members[$0].retired == nil }
    let wanted = scaler.autoscaler.replicas(
      FleetReading(
        arrived: scaler.arrived, present: staying.count, reports: scaler.reports,
        answered: scaler.answered))
    guard wanted <= staying.count else {
      for _ in staying.count..<wanted {
        let ready = now + scaler.autoscaler.startUp
        try add(scaler.maker, launch: now, ready: ready)
        faults.add(ready: ready, seed: scaler.seed)
      }
      return []
    }
    let removed = Array(staying.suffix(staying.count - wanted))
    for number in removed {
      members[number].retired = now
      loads.close(number)
    }
    open.removeAll { members[$0].retired != nil }
    return removed
  }

  /// Ends a replica that was let go: what it has not answered goes through the router again, in order of arrival.
  private mutating func kill(
    _ number: Int, at now: SimInstant, _ senders: inout Senders
  ) throws {
    let killed = members[number].replica
    try killed.advance(to: now)
    update(number, killed, &senders)
    try replaceEngine(of: number, at: now)
    let lost = (scaler?.inFlight ?? []).filter {
      member(of: $0) == number && !log.hasEnded($0)
    }
    scaler?.noteRestarted(lost.count)
    for request in lost {
      try faults.restarts(request, at: now)
      log.forget(request)
      try route(request, at: now, &senders)
    }
  }

  private mutating func openReady(at now: SimInstant) {
    for number in members.indices
    where takesRequests(number) && members[number].ready <= now && !open.contains(number) {
      admit(number)
    }
    open.sort()
  }
}
