import SimulationKernel

/// What a server of vLLM's V1 engine tells of itself under `/metrics`, as far as a simulation knows it. Times are
/// the replica's own.
///
/// - Source: names and edges of `vllm/v1/metrics/loggers.py`.
package struct ServerMetrics: Sendable {
  private var promptTokens = 0
  private var generationTokens = 0
  private var finished = 0
  private var ttft = CumulativeHistogram(edges: [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40,
    80, 160, 640, 2560,
  ])
  private var tokenGaps = CumulativeHistogram(edges: Self.gapEdges)
  private var tpot = CumulativeHistogram(edges: Self.gapEdges)
  private var e2e = CumulativeHistogram(edges: [
    0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
  ])

  private static let gapEdges = [
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
  ]

  package init() {}

  /// Takes in tokens that have reached their client.
  package mutating func add(_ delivery: Delivery) {
    generationTokens += delivery.tokens
    let gap = (delivery.time - delivery.before).seconds
    if delivery.isFirst { ttft.add(gap) } else { tokenGaps.add(gap) }
    guard let finished = delivery.finished else { return }
    self.finished += 1
    promptTokens += finished.promptTokens
    e2e.add((delivery.time - finished.arrival).seconds)
    if finished.outputTokens > 1 {
      tpot.add(
        (delivery.time - finished.firstToken).seconds / Double(finished.outputTokens - 1))
    }
  }

  /// What holds now.
  package struct State: Sendable {
    package var running: Int
    package var waiting: Int
    package var heldShare: Double
    package var preemptions: Int

    package init(running: Int, waiting: Int, heldShare: Double, preemptions: Int) {
      self.running = running
      self.waiting = waiting
      self.heldShare = heldShare
      self.preemptions = preemptions
    }
  }

  /// The page, in Prometheus's text format.
  package func text(model: String, state: State) -> String {
    let labels = "engine=\"0\",model_name=\"\(model)\""
    func value(_ name: String, _ kind: String, _ value: String, _ more: String = "") -> String {
      "# TYPE vllm:\(name) \(kind)\nvllm:\(name){\(labels)\(more)} \(value)\n"
    }
    return [
      value("num_requests_running", "gauge", "\(state.running)"),
      value("num_requests_waiting", "gauge", "\(state.waiting)"),
      value("kv_cache_usage_perc", "gauge", "\(state.heldShare)"),
      value("num_preemptions_total", "counter", "\(state.preemptions)"),
      value("prompt_tokens_total", "counter", "\(promptTokens)"),
      value("generation_tokens_total", "counter", "\(generationTokens)"),
      value("request_success_total", "counter", "\(finished)", ",finished_reason=\"length\""),
      ttft.text("vllm:time_to_first_token_seconds", labels),
      tokenGaps.text("vllm:inter_token_latency_seconds", labels),
      tpot.text("vllm:request_time_per_output_token_seconds", labels),
      e2e.text("vllm:e2e_request_latency_seconds", labels),
    ].joined()
  }
}

/// Counts of values up to edges, as Prometheus has them.
struct CumulativeHistogram: Sendable {
  private let edges: [Double]
  /// Values up to each edge and beyond the one before; the last beyond all.
  private var counts: [Int]
  private var sum = 0.0

  init(edges: [Double]) {
    self.edges = edges
    counts = Array(repeating: 0, count: edges.count + 1)
  }

  mutating func add(_ value: Double) {
    counts[edges.firstIndex { value <= $0 } ?? edges.count] += 1
    sum += value
  }

  func text(_ name: String, _ labels: String) -> String {
    var lines = ["# TYPE \(name) histogram"]
    var total = 0
    for (edge, count) in zip(edges.map { "\($0)" } + ["+Inf"], counts) {
      total += count
      lines.append("\(name)_bucket{\(labels),le=\"\(edge)\"} \(total)")
    }
    lines.append("\(name)_sum{\(labels)} \(sum)")
    lines.append("\(name)_count{\(labels)} \(total)")
    return lines.joined(separator: "\n") + "\n"
  }
}
