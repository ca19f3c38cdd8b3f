import CostModel
import Planning
import Results

/// What a plan costs, and by whose prices.
enum PlanMoney {
  /// Dollars of a month, from those of an hour.
  static func month(_ perHour: Double?) -> String {
    perHour.map { Digits.fixed($0 * Deployment.hoursPerMonth, decimals: 0) } ?? "–"
  }

  /// GPUs, cost and power of a deployment that gives so many output tokens a second.
  static func text(_ deployment: Deployment, outputThroughput: Double) -> String {
    let watts = Digits.fixed(deployment.watts / 1000, decimals: 2)
    let gpus = deployment.gpus == 1 ? "1 GPU" : "\(deployment.gpus) GPUs"
    guard let dollars = deployment.dollarsPerHour else {
      return "\(gpus), at most \(watts) kW; no price is known."
    }
    let tokens = outputThroughput * 3600 / 1e6
    let perMillion = tokens > 0 ? PlanCells.dollars(dollars / tokens) : "–"
    return
      "\(gpus), \(PlanCells.dollars(dollars)) $/h (\(month(dollars)) $ a month), \(perMillion) $ per million "
      + "output tokens, at most \(watts) kW."
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
