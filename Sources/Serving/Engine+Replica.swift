import KVMemory
import SimulationKernel

/// What a router and clients ask for.
extension Engine {
  /// Whether iterations may run without plans: a front end that takes time looks at each.
  var mayJump: Bool { frontEnd == nil }

  /// Takes the requests that left since this was last asked.
  mutating func takeDepartures(into taken: inout [Departure]) {
    taken.append(contentsOf: departures)
    departures.clear()
  }

  /// Takes in at `time`, to which the engine was advanced, that keys and values have come or were read.
  ///
  /// - Returns: When it decides next: at the end of the running iteration, else at once.
  mutating func takeIn(_ moves: KVMoves, at time: SimInstant) -> SimInstant {
    precondition(time >= clock, "Engine: keys and values come at \(time), before \(clock)")
    if pace.announced != nil { startAnnounced() }
    clock = time
    hasNews = true
    scheduler.takeIn(moves)
    return iterationEnd ?? clock
  }

  /// Sets the clock back to zero after warm-ups: what they leave is a warm prefix cache.
  mutating func restart() {
    clock = .zero
    recorder = RunRecorder(log, emptyLedger: recorder.emptyLedger)
    recorder.warmedUp(scheduler.prefixCache)
  }

  /// Ends at `time`, to which the engine was advanced: the running iteration gives nothing any more.
  ///
  /// - Returns: What was recorded, for the engine that takes its place.
  mutating func abandon(at time: SimInstant) -> RunRecorder {
    if pace.announced != nil {
      clock = time
      startAnnounced()
    }
    recorder.abandon(scheduler.prefixCache)
    return recorder
  }

  /// Takes the place of an engine that ended at `time`, with none of what it held.
  mutating func takeOver(_ recorder: RunRecorder, at time: SimInstant) {
    clock = time
    self.recorder = recorder
    self.recorder.hold(heldState, from: time)
  }

  /// Whether nothing is to come, unless a request arrives.
  var isIdle: Bool { nextEvent == nil }

  /// What happened, up to `end`.
  mutating func close(at end: SimInstant) -> ReplicaRecord {
    recorder.close(at: end)
    recorder.closed(with: scheduler.prefixCache)
    return recorder.record
  }
}
