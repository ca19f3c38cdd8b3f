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

  init(_ autoscaler: Autoscaler, launched: Int, maker: @escaping Fleet.Maker) {
    self.autoscaler = autoscaler
    self.maker = maker
    tick = .zero + autoscaler.interval
    steps = [ScalingStep(time: .zero, arrived: 0, launched: launched, ready: launched)]
  }
}

extension Fleet {
  /// Lets the autoscaler decide whose time has come when a request arrives at `now`.
  mutating func scale(before now: SimInstant) throws {
    guard var scaler else { return }
    while scaler.tick <= now {
      try decide(&scaler, at: scaler.tick)
      openReady(at: scaler.tick)
      scaler.steps.append(
        ScalingStep(
          time: scaler.tick, arrived: scaler.arrived,
          launched: members.count { $0.retired == nil }, ready: open.count))
      (scaler.tick, scaler.arrived) = (scaler.tick + scaler.autoscaler.interval, 0)
    }
    openReady(at: now)
    scaler.arrived += 1
    self.scaler = scaler
  }

  /// Launches and retires until as many replicas are there, or on their way, as are wanted.
  private mutating func decide(_ scaler: inout Scaler, at now: SimInstant) throws {
    let staying = members.indices.filter { members[$0].retired == nil }
    let wanted = scaler.autoscaler.replicas(arrived: scaler.arrived, present: staying.count)
    if wanted > staying.count {
      for _ in staying.count..<wanted {
        try add(scaler.maker, launch: now, ready: now + scaler.autoscaler.startUp)
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
    where members[number].retired == nil && members[number].ready <= now && !open.contains(number) {
      admit(number)
    }
    open.sort()
  }
}
