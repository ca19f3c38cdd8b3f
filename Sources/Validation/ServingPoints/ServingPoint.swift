import CostModel
import Messages
import ModelFiles
import SimulationKernel

/// One measured point of a serving engine under closed-loop clients.
package struct ServingPoint: Sendable {
  package var id: String
  package var model: ModelSpec
  package var device: DeviceSpec
  package var backend: Backend
  /// The engine's version; blank where it was not recorded.
  package var version: String
  package var tensorParallel: Int
  /// Attention data parallelism: groups of `tensorParallel` GPUs, each with clients of its own.
  package var dataParallel: Int
  /// GPUs that routed experts are spread over whole.
  package var expertParallel: Int
  /// Workers that prefill and decode apart, with the above for those that decode; `nil` where each does both.
  package var split: Split?
  /// Of workers that the row does not name.
  var publishedRecipe: Recipe?
  /// Whether the parameters of points with workers apart were fitted without it: every second curve of a file, a curve being
  /// rows that differ in their clients only.
  package var isHeldOut = false
  package var weights: ElementType
  package var promptTokens: Int
  package var outputTokens: Int
  /// Requests in flight.
  package var concurrency: Int
  /// Whether the file says so; else they are the source's own guess of a batch.
  var hasRecordedClients = true
  /// Of them, those of one data-parallel rank, on the fullest one.
  package var clients: Int { (concurrency + dataParallel - 1) / dataParallel }
  package var campaign: Campaign
  /// Measured, in milliseconds.
  package var ttft: Double
  package var tpot: Double

  /// An engine that points were measured on.
  package enum Backend: String, CaseIterable, Sendable { case vllm, trtllm, sglang }

  /// Who measured, and so by which protocol: `source_group` and the lengths.
  package enum Campaign: Sendable {
    /// Lengths drawn evenly from 80 to 100 % of the nominal ones, ten requests a client (inferred:
    /// throughput and KV occupancy fit no fixed length).
    case datedDump
    /// Fixed lengths in powers of two.
    case sweep
    /// Sweeps of lengths in whole thousands, from another load generator: clients are spread out from
    /// the start, and vLLM finds its prompts in the prefix cache (both inferred, from TTFTs).
    case sweepOfThousands
  }

  /// Reads a file in the layout of `serving_points_dev.csv`, or of `serving_points_moe_dev.csv`, which also says how
  /// experts were cut and which rows are confounded: something that is not recorded differs between their repeats, or
  /// their times cannot be those of the settings.
  ///
  /// - Returns: Points in file order, and what was left out and why.
  /// - Throws: ``UserError`` with file and line.
  package static func read(
    path: String
  ) throws -> (points: [ServingPoint], warnings: [String]) {
    let table = try MeasurementTable(path: path)
    let isSplit = table.has(splitColumns[0])
    try table.require(
      [
        "row_id", "model", "system", "backend", "gemm_quant_mode", "isl", "osl", "concurrency",
        "ttft_ms", "tpot_ms", "source_group",
      ] + (isSplit ? splitColumns + ["decode_batch_size"] : ["tp", "pp", "batch_size"]))
    var points: [ServingPoint] = []
    var leftOut = LeftOutRows()
    for row in 0..<table.rowCount {
      do {
        points.append(try ServingPoint(table, row))
      } catch let skipped as Skipped {
        leftOut.add("line \(table.line(row))", skipped.reason)
      }
    }
    if isSplit {
      sortIntoCurves(&points)
      leaveOutGuesses(&points, &leftOut)
    }
    guard !points.isEmpty else { throw UserError("\(path): no row can be simulated") }
    return (
      points, leftOut.lines { "\(path): \($0) is left out: \($1)" }
    )
  }

  /// Largest over smallest TPOT of one setting above which something differs that is not recorded, by the file's account.
  private static let spreadMax = 1.3

  /// A row that is right but that we cannot simulate.
  struct Skipped: Error { var reason: String }

  private init(_ table: MeasurementTable, _ row: Int) throws {
    id = table.text("row_id", row)
    do {
      // Publishers' re-quantised copies have the shape of the original.
      model = try ModelFile.named(table.text("model", row)).model
      device = try DeviceCatalogue.find(table.text("system", row))
    } catch let error as UserError {
      throw Skipped(reason: error.message)
    }
    guard let backend = Backend(rawValue: table.text("backend", row)) else {
      throw Skipped(reason: "unknown backend `\(table.text("backend", row))`")
    }
    self.backend = backend
    let isSplit = table.has(Self.splitColumns[0])
    for stages in isSplit ? ["prefill_pp_size", "decode_pp_size"] : ["pp"] {
      guard try table.number(stages, row, atLeast: 1) == 1 else {
        throw Skipped(reason: "pipeline parallelism is not simulated")
      }
    }
    if isSplit {
      let split = Split(
        prefill: try Pool(table, row, of: "prefill"), decode: try Pool(table, row, of: "decode"))
      tensorParallel = split.decode.tensorParallel
      dataParallel = split.decode.dataParallel
      expertParallel = split.decode.expertParallel
      self.split = split
    } else {
      tensorParallel = Int(try table.number("tp", row, atLeast: 1))
      dataParallel = Int(try table.optional("attention_dp_size", row) ?? 1)
      expertParallel = Int(try table.optional("moe_ep_size", row) ?? 1)
    }
    let suspicion = table.text("suspect", row)
    guard suspicion.isEmpty else {
      throw Skipped(reason: "confounded: suspected of `\(suspicion)`")
    }
    guard try table.optional("tpot_spread", row) ?? 1 <= Self.spreadMax else {
      throw Skipped(
        reason: "confounded: TPOT of repeats differs by more than \(Self.spreadMax) times")
    }
    guard let weights = Self.element(table.text("gemm_quant_mode", row)) else {
      throw Skipped(reason: "unknown `gemm_quant_mode` `\(table.text("gemm_quant_mode", row))`")
    }
    (model, self.weights) = Self.checkpoint(model, weights)
    promptTokens = Int(try table.number("isl", row, atLeast: 1))
    outputTokens = Int(try table.number("osl", row, atLeast: 1))
    guard
      let clients = try table.optional("concurrency", row) ?? Self.batch(table, row, split),
      clients >= 1
    else {
      throw table.failure(row, "neither `concurrency` nor `batch_size` says how many clients")
    }
    concurrency = Int(clients)
    hasRecordedClients = try table.optional("concurrency", row) != nil
    version = table.text("backend_version", row)
    if table.text("source_group", row) == "dated_dump" {
      campaign = .datedDump
    } else {
      campaign = promptTokens % 1000 == 0 ? .sweepOfThousands : .sweep
    }
    ttft = try table.seconds("ttft_ms", row, unit: 1)
    tpot = try table.seconds("tpot_ms", row, unit: 1)
    if !isSplit, tensorParallel > Self.tensorParallelMax {
      try takePublishedWorkers()
      return
    }
    guard !isSplit, model.hasExperts else { return }
    if Self.dumpLengths.contains([promptTokens, outputTokens]) { campaign = .datedDump }
    try spreadAttention(table, row)
    takeLaunchedLayout()
  }

  /// GPUs beyond which no engine cuts a layer. Rows of 20 to 72 GPUs count those of all workers that prefill and decode
  /// apart: seven of TensorRT-LLM's on the GB200 have the times of rows of `disaggregated_points_dev.csv` that name their workers.
  private static let tensorParallelMax = 16

  /// Lengths of the campaign behind the dated dump (InferenceX), prompt and output, which it measured mixtures with. Other
  /// groups have copies of its rows: all 48 that have a twin in the dump have its times to the digit.
  private static let dumpLengths = [[1024, 1024], [1024, 8192], [8192, 1024]]

  /// Attention is data parallel where experts are spread over all GPUs and a batch is a rank's, of as many ranks as there are
  /// GPUs, although the row says otherwise (inferred; of the file's rows with a batch below their clients most say so).
  private mutating func spreadAttention(_ table: MeasurementTable, _ row: Int) throws {
    guard dataParallel == 1, tensorParallel > 1, expertParallel == tensorParallel,
      let clients = try table.optional("concurrency", row),
      let batch = try table.optional("batch_size", row),
      batch * Double(tensorParallel) == clients
    else { return }
    dataParallel = tensorParallel
    tensorParallel = 1
  }

  /// Requests in flight where no column says so: those of a batch, of all ranks that decode where those are apart.
  private static func batch(_ table: MeasurementTable, _ row: Int, _ split: Split?) throws
    -> Double?
  {
    guard let split else { return try table.optional("batch_size", row) }
    return try table.optional("decode_batch_size", row).map { $0 * Double(split.decode.ranks) }
  }

  private static func element(_ mode: String) -> ElementType? {
    switch mode {
    case "", "bfloat16": .bfloat16
    case "fp8", "fp8_block": .fp8
    case "nvfp4", "fp4": .nvfp4
    case "int8", "int8_wo": .int8
    case "int4", "int4_wo": .int4
    default: nil
    }
  }

  /// The weights that were served: a mixture's as its publisher or NVIDIA stores them, in their parts, where the
  /// precision is theirs; else all matrices in `elements`.
  ///
  /// Tables call every 4-bit format `nvfp4`, gpt-oss's own among them.
  private static func checkpoint(
    _ model: ModelSpec, _ elements: ElementType
  ) -> (ModelSpec, ElementType) {
    let plain = model.inSixteenBits
    guard model.hasExperts, elements != .bfloat16 else { return (plain, elements) }
    if model.stored.elements == elements || elements == .nvfp4 && model.stored.name == "mxfp4" {
      return (model, model.stored.elements)
    }
    let copy = ModelFile.published.first {
      $0.stored.elements == elements && $0.inSixteenBits.layers == plain.layers
        && $0.hidden == plain.hidden
    }
    return copy.map { ($0, elements) } ?? (plain, elements)
  }
}
