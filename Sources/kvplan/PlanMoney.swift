import CostModel
import Metrics
import Planning
import Results

/// What a plan costs, and by whose prices.
enum PlanMoney {
  /// Dollars of a month, from those of an hour.
  static func month(_ perHour: Double?) -> String {
    perHour.map { Digits.fixed($0 * Deployment.hoursPerMonth, decimals: 0) } ?? "–"
  }

  /// GPUs, cost and power of a deployment at a rate.
  static func text(_ deployment: Deployment, _ point: RateProbe.Point) -> String {
    let watts = Digits.fixed(deployment.watts / 1000, decimals: 2)
    let energy = energy(point)
    let gpus = deployment.gpus == 1 ? "1 GPU" : "\(deployment.gpus) GPUs"
    guard let dollars = deployment.dollarsPerHour else {
      return "\(gpus), at most \(watts) kW\(energy); no price is known."
    }
    let tokens = point.summary.outputThroughput * 3600 / 1e6
    let perMillion = tokens > 0 ? PlanCells.dollars(dollars / tokens) : "–"
    return
      "\(gpus), \(PlanCells.dollars(dollars)) $/h (\(month(dollars)) $ a month), \(perMillion) $ per million "
      + "output tokens, at most \(watts) kW\(energy)."
  }

  /// What is drawn in the mean; nothing where no idle power is known.
  private static func energy(_ point: RateProbe.Point) -> String {
    guard let watts = point.meanWatts, let joules = point.joulesPerOutputToken else { return "" }
    return " and \(Digits.fixed(watts / 1000, decimals: 2)) kW in the mean, "
      + "\(Digits.fixed(joules, decimals: 2)) J an output token"
  }

  /// Where idle powers come from, in a sentence; none where none is known.
  static func idlePowers(_ devices: [DeviceSpec]) -> [String] {
    let texts = devices.compactMap { device in
      device.idlePower.map {
        "\(device.name) \(Digits.fixed($0.watts, decimals: 1)) W (\($0.source))"
      }
    }
    guard !texts.isEmpty else { return [] }
    return [
      "Power of a GPU: its TDP while iterations run, which is an upper bound, and else what it draws with a model loaded: "
        + "\(texts.joined(separator: "; "))."
    ]
  }

  /// The prices of devices with their sources and dates, in a sentence; none where no price is known.
  static func sources(_ devices: [DeviceSpec]) -> [String] {
    let texts = devices.compactMap { device in
      device.price.map { price in
        let kind = price.kind.map { "\($0), " } ?? ""
        let date = price.date ?? "no date recorded"
        return
          "\(device.name) \(PlanCells.dollars(price.dollarsPerHour)) $/h (\(kind)\(price.source), \(date))"
      }
    }
    guard !texts.isEmpty else { return [] }
    return [
      "Cost of a GPU: \(texts.joined(separator: "; ")). A month is \(Int(Deployment.hoursPerMonth)) hours."
    ]
  }

  static func json(_ devices: [DeviceSpec]) -> [JSONValue.Member] {
    let prices = devices.map { device in
      let price = device.price
      return JSONValue.object([
        .init("device", .text(device.name)),
        .init("dollars_per_hour", JSONValue(price?.dollarsPerHour)),
        .init("source", (price?.source).map { .text($0) } ?? .null),
        .init("date", (price?.date).map { .text($0) } ?? .null),
        .init("kind", (price?.kind).map { .text($0) } ?? .null),
      ])
    }
    return [
      .init("gpu_prices", .array(prices)),
      .init("hours_per_month", .real(Deployment.hoursPerMonth)),
    ]
  }

  /// Cost of a deployment by the hour and the month.
  static func json(_ deployment: Deployment) -> [JSONValue.Member] {
    let dollars = deployment.dollarsPerHour
    return [
      .init("dollars_per_hour", JSONValue(dollars)),
      .init("dollars_per_month", JSONValue(dollars.map { $0 * Deployment.hoursPerMonth })),
    ]
  }
}
