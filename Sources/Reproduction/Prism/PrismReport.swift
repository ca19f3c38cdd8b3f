import CostModel
import Planning
import Results

/// Prism (OSDI 2026) on kvcached: several models on shared GPUs, against models with parts of the memory and against models
/// that share it and stay where they are.
package enum PrismReport {
  static let figure = "prism"
  /// Share of a GPU's memory for weights, keys and values.
  private static let memoryShare = 0.9
  private static let model = "llama-3.1-8b"
  /// Targets by the latencies of a request alone; ours, so that a model that comes back can still be in time.
  private static let scale = 40.0

  package static func report(seed: UInt64) throws -> FigureReport {
    let trial = try ThreeModels.run(seed: seed)
    let bursts = try Bursts.run(seed: seed)
    let rates = try SharedRates.run(seed: seed)
    let device = try DeviceCatalogue.find("h100-sxm")
    let counts = try PrismCounts.run(
      seed: seed, device: device, capacity: capacity(device), scale: scale)
    return FigureReport(
      name: figure, title: "Prism: several models on shared GPUs",
      claims: ThreeModels.claims(trial) + Bursts.claims(bursts) + SharedRates.claims(rates)
        + PrismCounts.claims(counts),
      data: data(
        [("3 models, H100", trial), ("3 models in bursts, A100", bursts)], rates.flatMap(\.self),
        counts),
      figure: SharedRates.drawing(rates[0]), remarks: remarks)
  }

  /// The lower one of the two in the middle of an even number.
  static func median(_ values: [Double]) -> Double { values.sorted()[(values.count - 1) / 2] }

  typealias Outcomes = [PrismReplay.Policy: PrismReplay.Outcome]

  private static func capacity(_ device: DeviceSpec) -> Int {
    Int(Double(device.memoryBytes) * memoryShare)
  }

  private static func models(_ count: Int, _ device: DeviceSpec, prompt: Int) throws -> [PrismModel]
  {
    let one = try PrismModel(model, device: device, scale: scale, prompt: prompt)
    return Array(repeating: one, count: count)
  }

  private static func outcomes(
    _ models: [PrismModel], _ requests: [PrismRequest], gpus: Int, _ device: DeviceSpec
  ) throws -> Outcomes {
    let policies = PrismReplay.Policy.allCases
    let capacity = capacity(device)
    let outcomes = try Parallel.map(policies) { policy in
      var replay = PrismReplay(policy, models, requests, gpus: gpus, capacity: capacity)
      return replay?.run()
    }
    return Dictionary(
      uniqueKeysWithValues: zip(policies, outcomes).compactMap { policy, outcome in
        outcome.map { (policy, $0) }
      })
  }

  // MARK: The three models of MuxServe++'s row

  private enum ThreeModels {
    /// Requests a minute, as printed.
    static let perMinute = [199.0, 262, 22]
    static let seconds = 600.0
    /// Outputs of 275 tokens in the mean: what the printed times leave, (5.25 − 0.089) s ⁄ 18.8 ms. Prompts are ours.
    static let lengths = PrismWorkload.Lengths(prompts: 100..<401, outputs: 100..<451)

    static func run(seed: UInt64) throws -> Outcomes {
      let device = try DeviceCatalogue.find("h100-sxm")
      let stretches = perMinute.enumerated().map {
        PrismWorkload.Stretch(model: $0.offset, from: 0, to: seconds, rate: $0.element / 60)
      }
      return try outcomes(
        models(3, device, prompt: 400),
        PrismWorkload.requests(stretches, lengths, seed: seed), gpus: 1, device)
    }

    static func claims(_ outcomes: Outcomes) -> [Claim] {
      guard let shared = outcomes[.shared] else { return [] }
      func row(_ what: String, _ paper: Double, _ ours: Double, _ note: String = "") -> Claim {
        Claim(
          figure, "3 × \(model), 199, 262 and 22 req/min, MuxServe++, \(what)",
          Claim.relative(paper, 0.15), ours: ours, note: note)
      }
      return [
        row(
          "request latency, s", 5.25, shared.whole,
          "outputs are chosen by it and by the time a token"),
        row("TTFT, s", 0.089, shared.firstToken, "prompts of 250 tokens are ours"),
        row("time a token, ms", 18.8, shared.perToken * 1e3),
      ]
    }
  }

  // MARK: Bursts in turn

  private enum Bursts {
    static let burstSeconds = 10.0
    static let rate = 12.0
    static let lengths = PrismWorkload.Lengths(prompts: 500..<1501, outputs: 150..<451)

    static func run(seed: UInt64) throws -> Outcomes {
      let device = try DeviceCatalogue.find("a100-80gb")
      let stretches = (0..<6).map { index in
        let from = Double(index) * 3 * burstSeconds
        return PrismWorkload.Stretch(
          model: index % 3, from: from, to: from + burstSeconds, rate: rate)
      }
      return try outcomes(
        models(3, device, prompt: 1500),
        PrismWorkload.requests(stretches, lengths, seed: seed), gpus: 1, device)
    }

    static func claims(_ outcomes: Outcomes) -> [Claim] {
      guard let parts = outcomes[.partition], let shared = outcomes[.shared] else { return [] }
      return [
        Claim(
          figure, "kvcached, 3 × \(model) on an A100 of 80 GB, TTFT of parts by shared pages, x",
          .span(2...28), ours: parts.firstToken / shared.firstToken,
          note: "the published span; bursts that come in turn are ours")
      ]
    }
  }

  // MARK: Eight models on two GPUs

  /// The requests that each policy serves with 99 % of first tokens in time.
  struct Rate: Sendable {
    var draw: UInt64
    var policy: PrismReplay.Policy
    var rate: Double
    var outcome: PrismReplay.Outcome?
  }

  private enum SharedRates {
    static let modelCount = 8
    static let seconds = 600.0
    static let lengths = PrismWorkload.Lengths(prompts: 100..<901, outputs: 50..<351)
    static let attainment = 0.99
    /// Of a model that is asked, requests a second.
    static let rates: [Double] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16]
    static let draws: UInt64 = 5

    /// For each draw its rates, up to the first that is not served in time: from there on queues grow, and the search is over.
    static func run(seed: UInt64) throws -> [[Rate]] {
      let device = try DeviceCatalogue.find("h100-sxm")
      let models = try models(modelCount, device, prompt: 900)
      let capacity = capacity(device)
      let jobs = (0..<draws).flatMap { draw in PrismReplay.Policy.allCases.map { (draw, $0) } }
      let rows = try Parallel.map(jobs) { draw, policy in
        var rows: [Rate] = []
        for rate in rates {
          let stretches = PrismWorkload.onAndOff(
            models: modelCount, seconds: seconds, on: 60, off: 180, rate: rate, seed: seed + draw)
          let requests = PrismWorkload.requests(stretches, lengths, seed: seed + draw)
          var replay = PrismReplay(policy, models, requests, gpus: 2, capacity: capacity)
          let row = Rate(draw: draw, policy: policy, rate: rate, outcome: replay?.run())
          rows.append(row)
          if (row.outcome?.attainment ?? 0) < attainment { break }
        }
        return rows
      }.flatMap(\.self)
      return (0..<draws).map { draw in rows.filter { $0.draw == draw } }
    }

    /// The highest rate up to which every rate is served in time.
    static func sustained(_ policy: PrismReplay.Policy, _ rows: [Rate]) -> Double {
      rows.filter { $0.policy == policy }
        .prefix { ($0.outcome?.attainment ?? 0) >= attainment }.last?.rate ?? 0
    }

    static func claims(_ draws: [[Rate]]) -> [Claim] {
      [("MuxServe++", PrismReplay.Policy.shared, 2.3), ("parts", .partition, 3.5)].map {
        name, policy, paper in
        let ratios = draws.map { sustained(.prism, $0) / sustained(policy, $0) }
        let span = [ratios.min(), ratios.max()].map { Claim.text($0 ?? .nan) }
        return Claim(
          figure, "8 models on 2 GPUs, requests at 99 % of TTFT, Prism by \(name), x",
          Claim.relative(paper, 0.25), ours: median(ratios),
          note:
            "the median of \(ratios.count) made-up traces, with \(span[0]) to \(span[1]): the paper's is private"
        )
      }
    }

    static func drawing(_ rows: [Rate]) -> Figure {
      let chart = LineChart(
        title: "8 models on 2 GPUs", xTitle: "requests/s of a model that is asked",
        yTitle: "first tokens in time, %",
        series: PrismReplay.Policy.allCases.map { policy in
          .init(
            policy.rawValue,
            rows.filter { $0.policy == policy }
              .map { .init($0.rate, ($0.outcome?.attainment ?? 0) * 100) })
        })
      return Figure(
        title: "Several models on shared GPUs", charts: [.lines(chart)], columns: 1,
        chartWidth: 460)
    }
  }

  private static func data(
    _ trials: [(String, Outcomes)], _ rates: [Rate], _ counts: [PrismCounts.Row]
  ) -> DataTable {
    var data = DataTable([
      "trial", "policy", "rate", "ttft_s", "token_ms", "latency_s", "in_time_percent",
      "activations", "migrations", "preemptions",
    ])
    func row(
      _ trial: String, _ policy: PrismReplay.Policy, _ rate: String, _ outcome: PrismReplay.Outcome?
    ) {
      let key = [trial, policy.rawValue, rate]
      guard let outcome else {
        data.rows.append(key + ["does not fit"] + Array(repeating: "", count: 6))
        return
      }
      data.rows.append(
        key
          + [
            outcome.firstToken, outcome.perToken * 1e3, outcome.whole, outcome.attainment * 100,
            Double(outcome.activations), Double(outcome.migrations), Double(outcome.preemptions),
          ].map(Claim.text))
    }
    for (trial, outcomes) in trials {
      for policy in PrismReplay.Policy.allCases { row(trial, policy, "", outcomes[policy]) }
    }
    for rate in rates {
      row(
        "8 models on 2 H100, trace \(rate.draw + 1)", rate.policy, Claim.text(rate.rate),
        rate.outcome)
    }
    for count in counts {
      row(
        "18 models on \(count.gpus) H100, trace \(count.draw + 1)", count.policy,
        Claim.text(PrismCounts.peak), count.outcome)
    }
    return data
  }

  private static let remarks = [
    "From Prism (OSDI 2026) and kvcached's code. The traces are private and the targets' scale is not known: all requests are "
      + "made up, targets are \(Int(scale)) times the latencies of a request alone.",
    "Engines of one GPU take turns by iterations, at our prices; whole prompts, up to 2,048 tokens of them an iteration, the first "
      + "in line next. A GPU has 90 % of its memory for weights and pages; engines' other memory is not counted.",
    "Prism's rules: places by pressure on memory (Algorithm 1) with rates of about a minute, first tokens by Moore and Hodgson; "
      + "a model that was idle for 45 s leaves where a request lacks pages and comes back in 0.7 s on the GPU of least pressure; "
      + "moves take 20 ms for 8 billion parameters. Ours: a look at places every 10 s, a threshold of a tenth of the mean "
      + "pressure; an idle model also leaves where a returning one finds no room.",
    "GPU counts: six models each of 8, 3 and 1.5 billion parameters, asked for 60 s of 200, the most popular one with "
      + "\(Int(PrismCounts.peak)) requests/s, the one of rank r with a √r-th of it, for \(Int(PrismCounts.seconds)) s; first tokens have at least "
      + "\(Claim.text(PrismCounts.firstTokenMin * scale)) s.",
    "MuxServe++ is shared pages under fixed places; the older MuxServe, QLM and ServerlessLLM are not here, nor are models "
      + "over several GPUs.",
  ]
}
