import Serving
import Workload

extension ServingSystem {
  /// Serves a load on one replica of this system.
  ///
  /// - Throws: ``RunFailure`` when the run cannot go on.
  package func serve(
    _ load: Fleet.Load, settings: EngineSettings, executor: any IterationExecutor
  ) throws -> RunRecord {
    let place = Fleet.Place { try replica($0, settings: settings, executor: executor) }
    return try Fleet.serve(load, on: [place]).record
  }

  /// Serves requests, in order of arrival, on one replica of this system.
  ///
  /// - Parameters:
  ///   - contents: What the prompts consist of; only a prefix cache looks at it.
  ///   - maxConcurrency: Most requests in flight, at least 1: closed-loop clients where all arrive at
  ///     once. `nil` for no limit.
  ///   - frontEnd: What such clients reach the engine through.
  ///   - warmups: Copies of the first request that are served before the others and not recorded.
  /// - Throws: ``RunFailure`` when the run cannot go on.
  package func serve(
    _ requests: [Request], settings: EngineSettings, executor: any IterationExecutor,
    window: MeasuringWindow = MeasuringWindow(), oversized: OversizedPolicy = .skip,
    contents: PromptContents? = nil, maxConcurrency: Int? = nil,
    frontEnd: FrontEnd = FrontEnd(), warmups: Int = 0
  ) throws -> RunRecord {
    var load = Fleet.Load(requests, contents: contents)
    load.window = window
    load.oversized = oversized
    load.clients = maxConcurrency
    load.frontEnd = frontEnd
    load.warmups = warmups
    return try serve(load, settings: settings, executor: executor)
  }
}
