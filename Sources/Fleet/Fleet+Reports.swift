import Serving
import SimulationKernel

/// What replicas said of themselves when they last reported (``Router/loadPeriod``).
///
///     reports   |─────────|─────────|─────────|      at the multiples of the period
///     arrivals       ·  ·      ·                     each sees the report before it, and what was sent since
///     visits     ▿         ▿                         after the report before it, which does not know what leaves then
struct LoadReports {
  struct Report {
    var heldShare = 0.0
    var waiting = 0
    var heldTokens = 0
  }

  let period: SimDuration
  /// When the last reports were made; `nil` before the first.
  private var last: SimInstant?
  private var reports: [Report] = []

  init(period: SimDuration) { self.period = period }

  /// The last report of a replica: nothing before it made one.
  subscript(replica: Int) -> Report { replica < reports.count ? reports[replica] : Report() }

  /// When the last reports before `now` are made; `nil` if they have been taken.
  func due(at now: SimInstant) -> SimInstant? {
    let due = SimInstant(nanoseconds: now.nanoseconds / period.nanoseconds * period.nanoseconds)
    return last == due ? nil : due
  }

  mutating func take(_ reports: [Report], at time: SimInstant) {
    self.reports = reports
    last = time
  }

  /// Forgets the reports of warm-ups.
  mutating func restart() { self = LoadReports(period: period) }
}

extension Fleet {
  /// Lets all members report whose time has come at an arrival or a visit at `now`: what they have before anything happens
  /// at the instant of the report.
  ///
  /// Reports that neither lies behind are not made: nobody would see them.
  mutating func takeReports(at now: SimInstant) throws {
    guard let due = reports?.due(at: now) else { return }
    for number in members.indices {
      let replica = members[number].replica
      try replica.advance(to: due)
      if members[number].retired == nil, members[number].ready <= due {
        loads.set(number, to: replica.outstanding)
      }
    }
    let taken = members.map {
      LoadReports.Report(
        heldShare: $0.replica.heldShare, waiting: $0.waiting(at: due),
        heldTokens: $0.replica.heldTokens)
    }
    reports?.take(taken, at: due)
  }
}
