/// Where scheduling is asynchronous, the host decides the next iteration while the device runs one, and takes in the output
/// of the one before only then. What arrives meanwhile waits an iteration longer.
///
///     device     |── iteration 0 ──|── iteration 1 ──|── iteration 2 ──|
///     host       decides 0, 1      takes in 0,       takes in 1,
///                                  decides 2         decides 3
extension Engine {
  /// Makes the iteration that was decided ahead the one that starts.
  ///
  /// - Returns: Whether there is one that does something: one that does not was decided too early.
  @inline(__always)
  mutating func takeNext() -> Bool {
    guard hasNext else { return false }
    hasNext = false
    swap(&plan, &next)
    return plan.doesSomething
  }

  /// Decides the iteration after the one that starts.
  @inline(__always)
  mutating func decideAhead() {
    guard scheduler.iterationsAhead > 0, plan.doesSomething else { return }
    next.removeAll()
    scheduler.schedule(at: clock, into: &next)
    hasNext = true
  }
}
