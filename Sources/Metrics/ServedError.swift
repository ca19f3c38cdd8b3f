/// How far simulated latencies were from those of measured servers, where a server was measured that is like a run's.
package enum ServedError: Equatable, Sendable {
  /// No served runs were compared that say anything of it, with the reason in words.
  case unknown(String)
  case nearest(Nearest)

  /// The measured deployment that is nearest to a run's.
  package struct Nearest: Equatable, Sendable {
    package var model: String
    package var device: String
    package var engine: String
    /// Measured points: one mean TTFT and TPOT each.
    package var rows: Int
    package var ttft: Quantiles
    package var tpot: Quantiles
    /// Whether the engine's parameters were fitted on these rows, which makes the errors smaller than they are elsewhere.
    package var isFitted: Bool
    /// File of the measurements, and the day on which they were simulated.
    package var source: String
    package var date: String
    package var isSameModel: Bool
    package var isSameDevice: Bool

    package init(
      model: String, device: String, engine: String, rows: Int, ttft: Quantiles, tpot: Quantiles,
      isFitted: Bool, source: String, date: String, isSameModel: Bool = false,
      isSameDevice: Bool = false
    ) {
      self.model = model
      self.device = device
      self.engine = engine
      self.rows = rows
      self.ttft = ttft
      self.tpot = tpot
      self.isFitted = isFitted
      self.source = source
      self.date = date
      self.isSameModel = isSameModel
      self.isSameDevice = isSameDevice
    }
  }

  /// Errors of many points: predicted over measured − 1, without the sign.
  package struct Quantiles: Equatable, Sendable {
    package var median: Double
    package var p90: Double

    package init(median: Double, p90: Double) {
      self.median = median
      self.p90 = p90
    }

    package subscript(level: Level) -> Double {
      switch level {
      case .median: median
      case .p90: p90
      }
    }
  }

  /// What share of the measured points was off by less.
  package enum Level: String, CaseIterable, Sendable {
    case median, p90
  }

  /// What a server would have shown for `predicted`, if the prediction is off by `error` at most; no upper end where it
  /// may be off by all of it.
  ///
  ///     error = |predicted / measured − 1|     measured: predicted / (1 + error) to predicted / (1 − error)
  package static func measured(
    for predicted: Double, error: Double
  ) -> (low: Double, high: Double?) {
    (predicted / (1 + error), error < 1 ? predicted / (1 - error) : nil)
  }
}

extension ServedError.Nearest {
  /// Which of model and device are others than the run's, in words.
  package var nearness: String {
    switch (isSameModel, isSameDevice) {
    case (true, true): "the same model and device"
    case (true, false): "the same model, another device"
    case (false, true): "another model, the same device"
    case (false, false): "another model and device"
    }
  }

  /// What was measured: `qwen3-32b on h100-sxm, vllm (another model, the same device; 48 rows of …)`.
  package var text: String {
    "\(model) on \(device), \(engine) (\(nearness); \(rows) rows of \(source), \(date))"
  }
}
