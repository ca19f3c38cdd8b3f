import CostModel
import Fleet
import Messages
import Metrics
import ModelFiles
import Planning
import Serving
import SimulationKernel
import Workload

/// The stages of a benchmark, replayed in their order on one fleet whose caches stay warm.
///
///     stage 0        stage 1              each begins when the one before has long been answered;
///     |─····──|      |─·····───|          nothing in a fleet ages while it is idle
///
/// Prompts are shuffled once; every stage sends them from the first on, and again from the first when all were sent.
///
/// - Source: inference-perf, `shared_prefix`, whose generator starts anew with every stage and waits for its answers.
package struct RouterReplay: Sendable {
  /// What one stage came to.
  package struct Result: Equatable, Sendable {
    package var stage: RouterStage
    package var throughput: Double
    package var ttft: Double
    /// From the first request to the last answer.
    package var seconds: Double
  }

  /// The engine of the pods; not recorded, and inferred from when the benchmark was made.
  private static let release = "0.10"
  /// Between the last request of a stage and the first of the next.
  private static let pause = 100_000.0

  /// What the benchmark's servers and clients add to what is simulated.
  package struct Server: Equatable, Sendable {
    /// Seconds of every iteration beside those of the release.
    package var gapSeconds: Double
    /// Seconds of every answer outside of the engine: gateway, router, API server and client.
    package var answerSeconds: Double
    /// Share of the generated tokens that the client counts: it splits the text of answers anew, into fewer.
    package var countedShare: Double

    package init(gapSeconds: Double, answerSeconds: Double, countedShare: Double) {
      self.gapSeconds = gapSeconds
      self.answerSeconds = answerSeconds
      self.countedShare = countedShare
    }

    package static let none = Server(gapSeconds: 0, answerSeconds: 0, countedShare: 1)

    /// Set by hand with the rows of `router_llmd.csv` in sight, no half held out; the share is that of published runs of
    /// the same workload (936 to 944 of 1,000 tokens).
    package static let fitted = Server(
      gapSeconds: 0.006, answerSeconds: 0.19, countedShare: 0.94)
  }

  private let setting: RouterMeasurement.Setting
  private let stages: [RouterStage]
  private let server: Server
  private let seed: UInt64

  package init(
    _ setting: RouterMeasurement.Setting, _ stages: [RouterStage], server: Server = .none,
    seed: UInt64 = 0
  ) {
    self.setting = setting
    self.stages = stages
    self.server = server
    self.seed = seed
  }

  /// - Throws: ``UserError`` for a model or device that is not known, or does not fit.
  package func results(of policy: RouterPolicy) throws -> [Result] {
    let prepared = try PreparedDeployment(
      Deployment(try scenario(), replicas: setting.pods, router: policy.router))
    let record = try prepared.record(of: trace(), seed: seed)
    var first = 0
    return try stages.map { stage in
      defer { first += stage.requests }
      return try result(of: stage, first..<first + stage.requests, record)
    }
  }

  private func scenario() throws -> Scenario {
    var scenario = Scenario(
      system: .vllmV1, model: try ModelFile.find(setting.modelName),
      device: try device())
    scenario.tensorParallel = setting.tensorParallel
    scenario.engineRelease = Self.release
    var overheads = scenario.releaseOverheads
    overheads.gapSeconds += server.gapSeconds
    scenario.engineOverheads = .given(overheads)
    scenario.blockSize = Self.blockTokens
    scenario.deviceBlocksOverride = setting.kvTokens / Self.blockTokens
    return scenario
  }

  /// `H100 80GB` does not say of which kind it is: one for a server's own board (SXM) is assumed.
  private func device() throws -> DeviceSpec {
    try DeviceCatalogue.find("\(setting.gpu.prefix { $0 != " " })-sxm")
  }

  /// `--block-size` of the pods, as llm-d's guide has it.
  private static let blockTokens = 64

  func trace() -> Trace {
    let prompts = setting.prefixes * setting.promptsPerPrefix
    var order = Array(0..<prompts)
    var draws = RandomStream(seed: seed, label: "prompts")
    draws.shuffle(&order)
    var gaps = RandomStream(seed: seed, label: "arrivals")
    var requests: [Request] = []
    var contents = PromptContents()
    var time = 0.0
    for stage in stages {
      for index in 0..<stage.requests {
        time += gaps.exponential(mean: 1 / stage.rate)
        let prompt = order[index % prompts]
        requests.append(
          Request(
            arrival: .zero + SimDuration(rounding: time),
            promptTokens: Int32(setting.prefixTokens + setting.questionTokens),
            outputTokens: Int32(setting.outputTokens)))
        contents.append([
          TokenPiece(
            stream: Int64(prompt / setting.promptsPerPrefix), start: 0,
            count: Int32(setting.prefixTokens)),
          TokenPiece(
            stream: Int64(setting.prefixes + prompt), start: 0,
            count: Int32(setting.questionTokens)),
        ])
      }
      time += Self.pause
    }
    return Trace(
      name: "\(setting.prefixes) shared prefixes", requests: requests, hasArrivals: true,
      contents: contents)
  }

  private func result(
    of stage: RouterStage, _ range: Range<Int>, _ record: RunRecord
  ) throws -> Result {
    var (ttft, end) = (0.0, SimInstant.zero)
    let start = record.requests[range.lowerBound].arrival
    for index in range {
      let (request, milestones) = (record.requests[index], record.milestones[index])
      guard let first = milestones.firstToken, let finish = milestones.finish else {
        throw UserError("a prompt of \(request.promptTokens) tokens does not fit into a pod")
      }
      ttft += (first - request.arrival).seconds
      end = max(end, finish)
    }
    let next = range.upperBound
    guard next == record.requests.count || end < record.requests[next].arrival else {
      throw UserError("the stage of \(stage.rate) req/s is not answered \(Self.pause) s later")
    }
    let seconds = (end - start).seconds + server.answerSeconds
    let counted = server.countedShare * Double(range.count * setting.outputTokens)
    return Result(
      stage: stage, throughput: counted / seconds,
      ttft: ttft / Double(range.count) + server.answerSeconds, seconds: seconds)
  }
}
