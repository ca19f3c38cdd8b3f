import CostModel
import Foundation
import Messages
import Testing

@testable import Validation

@Suite struct ServingPointsTests {
  static let header =
    "row_id,model,system,backend,backend_version,gemm_quant_mode,tp,pp,isl,osl,batch_size,"
    + "concurrency,ttft_ms,tpot_ms,source_group\n"

  static func row(
    _ id: String, backend: String = "vllm", pp: Int = 1, clients: String = "4", ttft: String = "50",
    promptTokens: Int = 256
  ) -> String {
    "\(id),meta-llama/Llama-3.1-8B,h100_sxm,\(backend),,,1,\(pp),\(promptTokens),16,4,\(clients),\(ttft),8,"
      + "per_model_sweep\n"
  }

  func read(_ rows: String) throws -> (points: [ServingPoint], warnings: [String]) {
    let files = try SmallFiles(["points.csv": Self.header + rows])
    let read = try ServingPoint.read(path: files.path + "/points.csv")
    return (
      read.points, read.warnings.map { $0.replacingOccurrences(of: files.path, with: "DIR") }
    )
  }

  @Test func whatCannotBeSimulatedIsLeftOutAndSaid() throws {
    let (points, warnings) = try read(
      Self.row("a") + Self.row("b", backend: "lmdeploy") + Self.row("c", pp: 2)
        + Self.row("d", clients: ""))
    #expect(points.map(\.id) == ["a", "d"])
    // A blank concurrency is that of the batch size.
    #expect(points.map(\.concurrency) == [4, 4])
    #expect(
      warnings == [
        "DIR/points.csv: line 3 is left out: unknown backend `lmdeploy`",
        "DIR/points.csv: line 4 is left out: pipeline parallelism is not simulated",
      ])
  }

  /// One line for each reason, however many rows.
  @Test func confoundedRowsAreLeftOutByReason() throws {
    let header = Self.header.dropLast() + ",attention_dp_size,tpot_spread,suspect\n"
    let rows = ["1,1.0,", "1,1.31,", "1,1.3,", "8,1.0,", "1,1.0,specdec", "1,,specdec"].enumerated()
      .map { Self.row("r\($0)").dropLast() + ",\($1)\n" }
    let files = try SmallFiles(["points.csv": header + rows.joined()])
    let read = try ServingPoint.read(path: files.path + "/points.csv")
    #expect(read.points.map(\.id) == ["r0", "r2", "r3"])
    #expect(
      read.warnings.map { $0.replacingOccurrences(of: files.path, with: "DIR") } == [
        "DIR/points.csv: line 3 is left out: confounded: TPOT of repeats differs by more than 1.3 times",
        "2 rows are left out: confounded: suspected of `specdec`; the first is line 6",
      ])
  }

  /// Eight data-parallel ranks share four clients: the fullest has one. Experts are spread as the row says.
  @Test func ranksShareTheClients() throws {
    let header = Self.header.dropLast() + ",attention_dp_size,moe_ep_size\n"
    let files = try SmallFiles(["points.csv": header + Self.row("a").dropLast() + ",8,16\n"])
    let point = try #require(ServingPoint.read(path: files.path + "/points.csv").points.first)
    #expect(point.dataParallel == 8 && point.expertParallel == 16)
    #expect(point.concurrency == 4 && point.clients == 1)
  }

  /// Of a mixture: lengths tell the campaign, a batch that is a rank's tells attention data parallelism, and more GPUs than
  /// a layer is cut over are those of several workers.
  @Test func rowsOfMixturesSayMoreThanTheirColumns() throws {
    func row(_ tp: Int, _ lengths: String, batch: Int, clients: Int) -> String {
      "r,openai/gpt-oss-120b,b200,sglang,0.5.9,fp4,\(tp),1,\(lengths),\(batch),\(clients),50,8,db_dump,\(tp)\n"
    }
    let rows = [
      row(4, "1024,8192", batch: 8, clients: 8), row(4, "8192,1024", batch: 16, clients: 16),
      row(2, "1024,512", batch: 16, clients: 16), row(4, "1024,512", batch: 4, clients: 16),
      row(64, "1024,8192", batch: 16, clients: 16),
    ]
    let header = Self.header.dropLast() + ",moe_ep_size\n"
    let files = try SmallFiles(["points.csv": header + rows.joined()])
    let (points, warnings) = try ServingPoint.read(path: files.path + "/points.csv")
    #expect(points.map(\.campaign) == [.datedDump, .datedDump, .sweep, .sweep])
    #expect(points.map(\.dataParallel) == [1, 1, 1, 4])
    #expect(points.map(\.tensorParallel) == [4, 4, 2, 1])
    #expect(points.map { BackendModel.model($0).receiveInterval } == [10, 30, 1, 1])
    #expect(
      warnings.map { $0.replacingOccurrences(of: files.path, with: "DIR") } == [
        "DIR/points.csv: line 6 is left out: 64 GPUs are those of workers apart, whose layout is not recorded"
      ])
  }

  @Test func aMeasuredTimeMustBePositive() {
    #expect(throws: UserError.self) { try read(Self.row("a", ttft: "0")) }
    #expect(throws: UserError.self) { try read(Self.row("a", ttft: "nan")) }
  }

  /// More clients wait longer for each other's prompts and for each token.
  @Test(arguments: ["vllm", "trtllm", "sglang"])
  func moreClientsAreSlower(_ backend: String) throws {
    let (points, _) = try read(
      ["1", "8", "64"].map { Self.row("c\($0)", backend: backend, clients: $0) }.joined())
    let (predictions, failures) = PointPrediction.predict(points, models: { .model($0) })
    #expect(failures == [])
    for (few, many) in zip(predictions, predictions.dropFirst()) {
      #expect(few.tpot < many.tpot && few.ttft < many.ttft)
    }
    // 16 GB of weights at 3.35 TB/s take 4.8 ms.
    #expect((4.8...10).contains(predictions[0].tpot), "\(predictions[0].tpot) ms")
    let again = PointPrediction.predict(points, models: { .model($0) })
    #expect(predictions.map(\.ttft) == again.predictions.map(\.ttft))
  }

  /// A row that cannot be served costs no other row its prediction.
  @Test func aRowThatDoesNotFitIsLeftOut() throws {
    let (points, _) = try read(Self.row("good") + Self.row("long", promptTokens: 3_000_000))
    let (predictions, failures) = PointPrediction.predict(points, models: { .model($0) })
    #expect(predictions.map(\.point.id) == ["good"])
    #expect(predictions.map(\.prices.name) == ["h100-sxm"])
    #expect(failures.count == 1)
    #expect(
      failures[0].hasPrefix("row `long` is left out: request 1 can never be admitted: it needs "))
  }

  /// A server may have been started for contexts beyond those that its model was published for.
  @Test func contextsBeyondThePublishedOnesAreServed() throws {
    let (points, _) = try read(Self.row("long", clients: "1", promptTokens: 140_000))
    let (predictions, failures) = PointPrediction.predict(points, models: { .model($0) })
    #expect(failures == [])
    // The pool of the measured server is a stand-in: that of the PagedAttention artifact's budget.
    var device = points[0].device
    device.memoryBytes = 80 << 30
    let budget = try KVBudget(
      model: points[0].model, device: device, utilization: 0.9, tokenBudget: 8192, blockSize: 16,
      engine: .given(
        .init(
          activations: points[0].model.artifactLayerBytes(tokens: 8192, tensorParallel: 1),
          context: 1 << 30)))
    #expect(predictions.map(\.blocks) == [budget.blocks])
  }

  /// Milliseconds beside the kernels of a mixture, and microseconds of a layer with a state, by SGLang's release.
  @Test(arguments: [
    ("", 3.29, 0.0), ("0.5.6.post2", 3.29, 53), ("0.5.9", 1.6, 53), ("0.5.10", 1.6, 0),
    ("0.6.0", 1.6, 0), ("nightly-dev", 1.6, 53), ("nightly-dev-20260216-d3bae71e", 1.6, 53),
    ("nightly-dev-20260402-d7256eb6", 1.6, 0), ("nightly-dev-20260515-0123abcd", 1.6, 0),
  ])
  func releasesOfSGLangDiffer(version: String, iteration: Double, state: Double) throws {
    var point = try #require(read(Self.row("one", clients: "1", promptTokens: 100)).0.first)
    (point.backend, point.version) = (.sglang, version)
    let overheads = BackendModel.model(point).overheads
    #expect(try #require(overheads.mixtures).iterationSeconds == iteration * 1e-3)
    #expect(overheads.recurrentLayerSeconds == state * 1e-6)
    // Those of dense models do not.
    #expect(overheads.iterationSeconds == 1.6e-3)
  }

  @Test func everyParameterNameCanBeSet() {
    for name in BackendModel.parameterNames {
      var model = BackendModel.vllm
      let isKnown = model.set(name, to: 0.5)
      #expect(isKnown, "\(name)")
    }
    var model = BackendModel.vllm
    let isKnown = model.set("row_7", to: 1)
    #expect(!isKnown)
  }
}

@Suite struct RequestReplayTests {
  static let header = "prompt_tokens,output_tokens,queued_s,first_token_s,last_token_s\n"

  /// Two requests of 10 output tokens: TTFT 1 and 3 s, E2E 10 and 12 s.
  @Test func measuredStatisticsAreThoseOfTheFile() throws {
    let files = try SmallFiles([
      "runs.csv": Self.header + "100,10,0,1,10\n100,10,2,5,14\n"
    ])
    let replay = try RequestReplay(path: files.path + "/runs.csv")
    #expect(replay.measured.ttft.mean == 2000 && replay.measured.ttft.p99 == 3000)
    #expect(replay.measured.e2el.mean == 11000 && replay.measured.tpot.mean == 1000)
    #expect(replay.measured.makespan == 14)
    #expect(replay.contents == nil)
  }

  @Test(arguments: [
    ("100,10,2,1,10", "`queued_s`, `first_token_s`, `last_token_s` are not in order"),
    ("0,10,0,1,10", "`prompt_tokens` must be a number of at least 1, found `0`"),
  ])
  func aRowThatCannotBeStopsWithItsLine(_ row: String, _ reason: String) throws {
    let files = try SmallFiles(["runs.csv": Self.header + row + "\n"])
    let error = #expect(throws: UserError.self) {
      try RequestReplay(path: files.path + "/runs.csv")
    }
    #expect(error?.message == "\(files.path)/runs.csv:2: \(reason)")
  }

  /// Of single tokens there is no time between tokens.
  @Test func singleTokensAreRefused() throws {
    let files = try SmallFiles(["runs.csv": Self.header + "100,1,0,1,1\n90,1,2,3,3\n"])
    let error = #expect(throws: UserError.self) {
      try RequestReplay(path: files.path + "/runs.csv")
    }
    #expect(
      error?.message
        == "\(files.path)/runs.csv: no request has a second output token, so that nothing is known of the time "
        + "between them")
  }
}
