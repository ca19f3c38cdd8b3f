import Messages

/// Counters of one `/metrics` page, summed over ranks and labels.
struct MetricsPage {
  let name: String
  let engine: ServerEngine
  /// As the server calls it; `nil` where no line has the label.
  let model: String?
  /// Labels of engines that share the load, in the order of the page.
  let ranks: [String]
  /// When the page was read, seconds since 1970; `nil` where no line says it.
  let seconds: Double?
  /// By name, behind the engine's prefix; sums and counts of histograms by theirs.
  private let sums: [String: Double]

  /// Engines whose pages have these counters; TensorRT-LLM's page is a list of iterations, which its log has too.
  private static let engines: [ServerEngine] = [.vllm, .sglang]

  /// Whether a text looks like a page of one of the engines.
  static func isPage(_ text: Substring) -> Bool {
    engines.contains { engine in
      ["\(engine.rawValue):", "# HELP \(engine.rawValue):", "# TYPE \(engine.rawValue):"]
        .contains { text.hasPrefix($0) || text.contains("\n\($0)") }
    }
  }

  /// - Throws: ``UserError`` for lines that cannot be read, two engines or models on a page, and a page without counters.
  init(_ text: String, name: String) throws(UserError) {
    self.name = name
    let page = try PrometheusPage(
      text, name: name, prefixes: Self.engines.map { "\($0.rawValue):" })
    var engine: (engine: ServerEngine, line: Int)?
    var model: (name: String, line: Int)?
    var sums: [String: Double] = [:]
    var seconds: Double?
    var ranks: [String] = []
    for sample in page.samples {
      let parts = sample.name.split(separator: ":", maxSplits: 1).map(String.init)
      guard let own = ServerEngine(rawValue: parts[0]), parts.count == 2 else { continue }
      if let engine, engine.engine != own {
        throw UserError(
          "\(name):\(sample.line): a metric of \(own.title), in line \(engine.line) of \(engine.engine.title)",
          hint: "give the page of one server")
      }
      engine = engine ?? (own, sample.line)
      if let label = sample.labels.first(where: { $0.name == "model_name" })?.value {
        if let model, model.name != label {
          throw UserError(
            "\(name):\(sample.line): a metric of the model `\(Self.shown(label))`, in line \(model.line) of "
              + "`\(Self.shown(model.name))`",
            hint: "give the lines of one model")
        }
        model = model ?? (label, sample.line)
      }
      seconds = seconds ?? sample.seconds
      if let rank = sample.labels.first(where: { $0.name == "engine" })?.value,
        !ranks.contains(rank)
      {
        ranks.append(rank)
      }
      if parts[1].hasSuffix("_bucket") || parts[1].hasSuffix("_created") { continue }
      sums[parts[1], default: 0] += sample.value
    }
    guard let engine,
      sums.keys.contains(where: { $0.hasSuffix("_count") || $0.hasSuffix("_total") })
    else {
      throw UserError(
        "\(name): a metrics page without counters of requests",
        hint:
          "give the whole page: `curl -s http://SERVER/metrics`; the size of the KV cache alone is read by "
          + "`--kv-cache-from-log`")
    }
    self.engine = engine.engine
    self.model = model?.name
    self.seconds = seconds
    self.ranks = ranks.map(Self.shown)
    self.sums = sums
  }

  subscript(_ name: String) -> Double? { sums[name] }

  /// A label, which is any text there.
  private static func shown(_ name: String) -> String {
    printable(Array(name.utf8).span, atMost: 80)
  }
}
