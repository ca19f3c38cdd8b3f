import CostModel
import Results
import Statistics
import Validation

/// Predictions beside measured points: rows, and the errors of groups of them.
enum PointsTable {
  /// The rows of one model, device and engine.
  struct Group {
    var model: String
    var device: String
    var backend: String
    var predictions: [PointPrediction]

    var ttftErrors: [Double] { predictions.map { abs($0.ttftError) }.sorted() }
    var tpotErrors: [Double] { predictions.map { abs($0.tpotError) }.sorted() }
  }

  /// The groups in order of name, each engine over all, and all rows.
  static func groups(_ predictions: [PointPrediction]) -> [Group] {
    let backends = Set(predictions.map(\.point.backend.rawValue)).sorted()
    return deployments(predictions)
      + backends.map { backend in
        Group(
          model: "all", device: "all", backend: backend,
          predictions: predictions.filter { $0.point.backend.rawValue == backend })
      } + [Group(model: "all", device: "all", backend: "all", predictions: predictions)]
      + halves(predictions)
  }

  /// The rows of each engine that its parameters were fitted on, and those that were held out, where some were.
  private static func halves(_ predictions: [PointPrediction]) -> [Group] {
    guard predictions.contains(where: \.point.isHeldOut) else { return [] }
    let backends = Set(predictions.map(\.point.backend.rawValue)).sorted() + ["all"]
    return backends.flatMap { backend in
      [("fitted", false), ("held out", true)].map { name, isHeldOut in
        Group(
          model: name, device: "all", backend: backend,
          predictions: predictions.filter {
            $0.point.isHeldOut == isHeldOut
              && (backend == "all" || $0.point.backend.rawValue == backend)
          })
      }
    }.filter { !$0.predictions.isEmpty }
  }

  /// The rows of each model, device and engine, in order of name.
  static func deployments(_ predictions: [PointPrediction]) -> [Group] {
    func key(_ prediction: PointPrediction) -> [String] {
      let point = prediction.point
      return [point.model.name, point.device.name, point.backend.rawValue]
    }
    let keys = Set(predictions.map(key)).sorted { $0.lexicographicallyPrecedes($1) }
    return keys.map { wanted in
      Group(
        model: wanted[0], device: wanted[1], backend: wanted[2],
        predictions: predictions.filter { key($0) == wanted })
    }
  }

  /// Where the prices of each device come from, in order of name.
  static func prices(_ predictions: [PointPrediction]) -> [CostProfile] {
    let profiles = Dictionary(
      predictions.map { ($0.prices.name, $0.prices) }, uniquingKeysWith: { first, _ in first })
    return profiles.values.sorted { $0.name < $1.name }
  }

  static func rendered(_ predictions: [PointPrediction], _ format: OutputFormat) -> String {
    switch format {
    case .table: table(predictions)
    case .csv: csv(predictions)
    case .json: json(predictions)
    }
  }

  private static func mean(_ errors: [Double]) -> Double {
    errors.reduce(0, +) / Double(errors.count)
  }

  private static func table(_ predictions: [PointPrediction]) -> String {
    var rows = TextTable([
      .init("row", .left), .init("TTFT ms"), .init("predicted"), .init("error %"),
      .init("TPOT ms"), .init("predicted"), .init("error %"),
    ])
    func text(_ value: Double, _ decimals: Int = 1) -> String {
      Digits.fixed(value, decimals: decimals)
    }
    for prediction in predictions {
      let point = prediction.point
      rows.rows.append([
        point.id, text(point.ttft), text(prediction.ttft), text(prediction.ttftError * 100),
        text(point.tpot, 2), text(prediction.tpot, 2), text(prediction.tpotError * 100),
      ])
    }
    var summary = TextTable([
      .init("model", .left), .init("device", .left), .init("engine", .left), .init("rows"),
      .init("TTFT MAPE %"), .init("median %"), .init("TPOT MAPE %"), .init("median %"),
    ])
    for group in groups(predictions) {
      summary.rows.append([
        group.model, group.device, group.backend, "\(group.predictions.count)",
        text(mean(group.ttftErrors) * 100), text(Quantile.median(ofSorted: group.ttftErrors) * 100),
        text(mean(group.tpotErrors) * 100), text(Quantile.median(ofSorted: group.tpotErrors) * 100),
      ])
    }
    return rows.rendered() + "\n" + summary.rendered() + "\n" + ranking(predictions)
  }

  private static func ranking(_ predictions: [PointPrediction]) -> String {
    let ranks = RankAgreement(predictions)
    guard let tau = ranks.tau else { return "" }
    return "Deployments ranked by peak throughput: Kendall's tau \(Digits.fixed(tau, decimals: 3)) "
      + "(\(ranks.concordant) pairs in the measured order, \(ranks.discordant) not)\n"
  }

  private static func csv(_ predictions: [PointPrediction]) -> String {
    let header =
      "row_id,measured_ttft_ms,predicted_ttft_ms,measured_tpot_ms,predicted_tpot_ms\n"
    return header
      + predictions.map { prediction in
        let point = prediction.point
        let numbers = [point.ttft, prediction.ttft, point.tpot, prediction.tpot]
        let fields = numbers.map { Digits.fixed($0, decimals: 4) }
        return ([point.id] + fields).joined(separator: ",") + "\n"
      }.joined()
  }

  private static func json(_ predictions: [PointPrediction]) -> String {
    let rows = predictions.map { prediction in
      JSONValue.object([
        .init("row_id", .text(prediction.point.id)),
        .init("measured_ttft_ms", .real(prediction.point.ttft)),
        .init("predicted_ttft_ms", .real(prediction.ttft)),
        .init("measured_tpot_ms", .real(prediction.point.tpot)),
        .init("predicted_tpot_ms", .real(prediction.tpot)),
      ])
    }
    let groups = groups(predictions).map { group in
      JSONValue.object([
        .init("model", .text(group.model)), .init("device", .text(group.device)),
        .init("backend", .text(group.backend)), .init("rows", .integer(group.predictions.count)),
        .init("ttft_mape", .real(mean(group.ttftErrors))),
        .init("ttft_median", .real(Quantile.median(ofSorted: group.ttftErrors))),
        .init("tpot_mape", .real(mean(group.tpotErrors))),
        .init("tpot_median", .real(Quantile.median(ofSorted: group.tpotErrors))),
      ])
    }
    let ranks = RankAgreement(predictions)
    let ranking = JSONValue.object([
      .init("kendall_tau", ranks.tau.map { .real($0) } ?? .null),
      .init("concordant", .integer(ranks.concordant)),
      .init("discordant", .integer(ranks.discordant)),
    ])
    return JSONValue.object([
      .init("rows", .array(rows)), .init("groups", .array(groups)), .init("ranking", ranking),
      .init(
        "prices",
        .array(
          prices(predictions).map { price in
            .object([
              .init("profile", .text(price.name)),
              .init("calibrated", .boolean(price.isCalibrated)),
              .init("error", .text(price.error)),
            ])
          })),
    ]).recorded.indented + "\n"
  }
}
