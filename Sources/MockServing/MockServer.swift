import Messages
import Planning
import Serving
import SimulationKernel

/// A simulated replica on the wall clock: takes requests as they come, and hands out their tokens when they are there.
///
///     wall clock   0 s ──────────── 1 s ──────────── 2 s
///     simulated    0 s ──────────── k s ──────────── 2k s      k: the time scale
package actor MockServer {
  private let replica: LiveReplica
  private let timeScale: Double
  private let start: ContinuousClock.Instant
  private var metrics = ServerMetrics()
  private var streams: [RequestID: AsyncStream<Delivery>.Continuation] = [:]
  /// For when the server is to look at its replica; `nil` while nothing is to come.
  private var alarm: SimInstant?
  /// Why the replica cannot go on.
  private var failure: APIError?

  /// - Parameters:
  ///   - replica: Used by nobody else from now on.
  ///   - timeScale: Simulated seconds in a second of the wall clock.
  package init(_ replica: sending LiveReplica, timeScale: Double) throws(UserError) {
    guard timeScale > 0, timeScale <= 1e6 else {
      throw UserError("`--time-scale` must be above 0 and at most 1000000, found `\(timeScale)`")
    }
    self.replica = replica
    self.timeScale = timeScale
    start = ContinuousClock.now
  }

  /// Serves a request that comes now.
  ///
  /// - Returns: Its tokens, as they come; a client that leaves does not take the request out of the engine.
  /// - Throws: ``APIError``
  package func serve(_ request: CompletionRequest) throws(APIError) -> AsyncStream<Delivery> {
    if let failure { throw failure }
    let submission: LiveReplica.Submission
    do {
      submission = try replica.submit(
        promptTokens: request.promptTokens, outputTokens: request.outputTokens, at: now)
    } catch {
      throw fail(error)
    }
    switch submission {
    case .tooLarge:
      throw APIError(
        status: 400,
        "The KV cache can never hold \(request.promptTokens) + \(request.outputTokens) tokens.")
    case .worn:
      throw APIError(status: 503, "The mock has served as many requests as it can; start it anew.")
    case .taken(let id):
      let (stream, continuation) = AsyncStream<Delivery>.makeStream()
      streams[id] = continuation
      look()
      return stream
    }
  }

  /// The metrics page.
  package func metricsText(model: String) -> String {
    look()
    let queues = replica.queues
    return metrics.text(
      model: model,
      state: .init(
        running: queues.running, waiting: queues.waiting, heldShare: replica.heldShare,
        preemptions: replica.preemptions))
  }

  /// Why it cannot serve; `nil` while it can.
  package var brokenBy: APIError? { failure }

  private var now: SimInstant {
    .zero + SimDuration(rounding: (ContinuousClock.now - start) / .seconds(1) * timeScale)
  }

  /// Brings the replica to the present, hands out what came, and sets the alarm for what comes next.
  private func look() {
    do {
      for delivery in try replica.advance(to: now) { hand(out: delivery) }
    } catch {
      _ = fail(error)
      return
    }
    guard let next = replica.next, next < alarm ?? .distantFuture else { return }
    alarm = next
    let due = start + .seconds(next.seconds / timeScale)
    Task {
      try? await Task.sleep(until: due, tolerance: .zero, clock: .continuous)
      ring(for: next)
    }
  }

  private func ring(for time: SimInstant) {
    // One that was set for earlier has rung since, or will.
    if alarm == time { alarm = nil }
    look()
  }

  private func hand(out delivery: Delivery) {
    metrics.add(delivery)
    guard let stream = streams[delivery.request] else { return }
    stream.yield(delivery)
    if delivery.finished != nil {
      stream.finish()
      streams[delivery.request] = nil
    }
  }

  private func fail(_ error: any Error) -> APIError {
    let text = (error as? RunFailure).map(\.summary) ?? "\(error)"
    let failure = APIError(status: 500, "The simulated engine stopped: \(text)")
    self.failure = failure
    for stream in streams.values { stream.finish() }
    streams = [:]
    return failure
  }
}
