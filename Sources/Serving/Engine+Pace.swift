import CostModel
import SimulationKernel

/// What the engine remembers to run iterations without plans.
struct Pace: Sendable {
  /// Iterations that are priced together, at most.
  static var pricedAtOnce: Int { 32 }

  /// Prices of the next iterations without a plan.
  var prices = [SimDuration](repeating: .zero, count: Self.pricedAtOnce)
  /// The blocks that they take.
  var growth = SteadyGrowth(iterations: Self.pricedAtOnce)
  /// How long the last of them took.
  var lastPrice = SimDuration(nanoseconds: 1)
  /// A stretch whose end was told, that starts now and has not been run; its prices are there.
  var announced: SteadyStretch?
}

/// The only place of the engine that knows speed: iterations that give each running request its token, and decide
/// nothing, run a *stretch* at a time (``SteadyStretch``). Times and sums are those of one after the other.
extension Engine {
  /// Runs iterations that only give each running request its token, without plans. The last one, which ends at
  /// `limit` or later, is left running.
  ///
  /// Executors that run or name requests look at every iteration, as does a front end that takes time.
  mutating func runSteady(before limit: SimInstant, _ pricer: any IterationCostModel) {
    while let stretch = nextStretch(before: limit, pricer) {
      guard run(stretch, before: limit) else { return }
    }
  }

  @inline(__always)
  private mutating func nextStretch(
    before limit: SimInstant, _ pricer: any IterationCostModel
  ) -> SteadyStretch? {
    if let announced = pace.announced {
      pace.announced = nil
      return announced
    }
    let stretch = scheduler.steadyStretch(atMost: iterations(before: limit))
    if let stretch { price(stretch, pricer) }
    return stretch
  }

  @inline(__always)
  private mutating func price(_ stretch: SteadyStretch, _ pricer: any IterationCostModel) {
    pace.prices.withUnsafeMutableBufferPointer { prices in
      pricer.durations(
        stretch.decode, into: UnsafeMutableBufferPointer(rebasing: prices[..<stretch.iterations]))
    }
  }

  /// Runs the iterations of a stretch that end before `limit`, and leaves the one after them running.
  ///
  /// - Returns: Whether all ended before.
  @inline(__always)
  private mutating func run(_ stretch: SteadyStretch, before limit: SimInstant) -> Bool {
    recorder.close(at: clock)
    var together = 0
    var end = clock
    while together < stretch.iterations {
      let next = end + pace.prices[together]
      guard next < limit, recorder.recordsTogether(from: clock, to: next) else { break }
      end = next
      together += 1
    }
    guard runTogether(together, of: stretch) else { return false }
    return together == stretch.iterations || runNext(together, of: stretch, before: limit)
  }

  /// Runs the first `count` iterations of a stretch.
  ///
  /// - Returns: Whether there were blocks for all of them.
  private mutating func runTogether(_ count: Int, of stretch: SteadyStretch) -> Bool {
    guard count > 0 else { return true }
    pace.growth.removeAll()
    let ran = scheduler.scheduleSteady(count, &pace.growth)
    guard ran > 0 else { return false }
    let held = heldState
    pace.prices.withUnsafeBufferPointer { prices in
      recorder.passedSteady(
        held, &pace.growth, from: clock,
        durations: UnsafeBufferPointer(rebasing: prices[..<ran]), tokens: stretch.tokens,
        tokenSlots: stretch.tokenSlots)
    }
    pace.lastPrice = pace.prices[ran - 1]
    clock = recorder.record.end
    completeSteady(ran)
    return ran == count
  }

  /// Runs the iteration of a stretch that comes next, number `index`, which ends in a new piece of the history or
  /// outside the window, or ends at `limit` or later.
  ///
  /// - Returns: Whether it ended before `limit`.
  private mutating func runNext(
    _ index: Int, of stretch: SteadyStretch, before limit: SimInstant
  ) -> Bool {
    pace.growth.removeAll()
    guard scheduler.scheduleSteady(1, &pace.growth) == 1 else { return false }
    if clock < recorder.window.from { recorder.warmedUp(scheduler.prefixCache) }
    pace.lastPrice = pace.prices[index]
    let end = clock + pace.lastPrice
    guard end < limit else {
      leaveRunning(stretch, until: end)
      return false
    }
    recorder.passedSteady(heldState, from: clock, to: end, tokens: stretch.tokens)
    clock = end
    completeSteady(1)
    return true
  }

  private mutating func completeSteady(_ count: Int) {
    finished.clear()
    scheduler.completeSteady(count, finished: &finished)
    leave(at: clock)
  }

  /// Leaves the iteration that was decided last running, as one with a plan.
  private mutating func leaveRunning(_ stretch: SteadyStretch, until end: SimInstant) {
    recorder.hold(heldState, from: clock)
    plan.removeAll()
    plan.cruising = stretch.tokens
    plan.advancesCruise = true
    iterationEnd = end
    hasNews = false
  }

  /// About how many iterations like the last one end before `limit`, and the one that does not.
  private func iterations(before limit: SimInstant) -> Int {
    let left = (limit - clock).nanoseconds
    let price = pace.lastPrice.nanoseconds
    if left >= Int64(Pace.pricedAtOnce) * price { return Pace.pricedAtOnce }
    return Int(left / price) + 1
  }
}

/// A fleet that waits for departures asks when the next may come (``step(at:)``). A stretch is then priced and its end
/// told, but it is run only when that comes, or up to the next arrival.
///
///     told, starts at 0       |──|──|──|──|──|   a request leaves at 5
///     arrival at 2.5          |──|──|──┊         iterations 0 and 1 have run, 2 is left running
extension Engine {
  /// When the last of the next iterations ends, if nothing before can let a request leave.
  mutating func announce(_ pricer: (any IterationCostModel)?) -> SimInstant? {
    guard let pricer, mayJump, let stretch = scheduler.steadyStretch(atMost: Pace.pricedAtOnce),
      stretch.isCertain
    else { return nil }
    price(stretch, pricer)
    pace.announced = stretch
    var end = clock
    for index in 0..<stretch.iterations { end = end + pace.prices[index] }
    return end
  }

  /// Runs a stretch whose end was told to be `now`; does nothing if there is none.
  mutating func runAnnounced(through now: SimInstant, _ pricer: (any IterationCostModel)?) throws {
    guard let stretch = pace.announced else { return }
    pace.announced = nil
    _ = run(stretch, before: SimInstant(nanoseconds: now.nanoseconds + 1))
  }

  /// Lets the first iteration of a stretch start whose end was told: what arrives now comes too late for it.
  mutating func startAnnounced() {
    guard let stretch = pace.announced else { return }
    pace.announced = nil
    _ = run(stretch, before: clock)
  }
}
