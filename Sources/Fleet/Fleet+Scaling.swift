import Serving
import SimulationKernel

/// An autoscaler at work.
struct Scaler {
  var autoscaler: Autoscaler
  let maker: Fleet.Maker
  /// When it decides next.
  var tick: SimInstant
  /// Requests since it decided last.
  var arrived = 0
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
}

extension Fleet {
  /// Lets the autoscaler decide whose time has come when a request arrives at `now`.
  mutating func scale(before now: SimInstant) throws {
    try scale(to: now)
    scaler?.arrived += 1
  }

  /// Lets the autoscaler decide whose time has come at `now`, up to the next failure: a replica that it launches may fail
  /// before that instant.
  mutating func scale(to now: SimInstant) throws {
    guard var scaler else { return }
    while scaler.tick <= min(now, faults.nextTime) {
      try decide(&scaler, at: scaler.tick)
      openReady(at: scaler.tick)
      scaler.steps.append(
        ScalingStep(
          time: scaler.tick, arrived: scaler.arrived,
          launched: members.count { $0.retired == nil }, ready: open.count))
      (scaler.tick, scaler.arrived) = (scaler.tick + scaler.autoscaler.interval, 0)
    }
    openReady(at: min(now, faults.nextTime))
    self.scaler = scaler
  }

  /// Launches and retires until as many replicas are there, or on their way, as are wanted.
  private mutating func decide(_ scaler: inout Scaler, at now: SimInstant) throws {
    let staying = members.indices.filter { members[$0].retired == nil }
    let wanted = scaler.autoscaler.replicas(arrived: scaler.arrived, present: staying.count)
    if wanted > staying.count {
      for _ in staying.count..<wanted {
        let ready = now + scaler.autoscaler.startUp
        try add(scaler.maker, launch: now, ready: ready)
        faults.add(ready: ready, seed: scaler.seed)
      }
    } else {
      for number in staying.suffix(staying.count - wanted) {
        members[number].retired = now
        loads.close(number)
      }
      open.removeAll { members[$0].retired != nil }
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
