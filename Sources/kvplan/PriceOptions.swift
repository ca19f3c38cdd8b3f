import ArgumentParser
import CostModel
import Messages
import ModelFiles
import Validation

/// Prices of GPUs that stand in for the catalogue's.
struct PriceOptions: ParsableArguments {
  @Option(
    help:
      "Price of a device in $ per GPU and hour, `h100-sxm=2.95`; may be repeated, and goes before `--prices`."
  )
  var price: [String] = []

  @Option(
    help: """
      CSV of prices: `device`, `dollars_per_hour`, and if you like `kind` (such as reserved or spot), `currency` \
      (USD), `date` and `source`.
      """)
  var prices: String?

  @Option(help: "Which `kind` of the lines of `--prices` counts (default: all of them).")
  var priceKind: String?

  /// Prices by the name of the device.
  ///
  /// - Throws: ``UserError`` for what is no price, with the place in the file.
  func chosen() throws -> [String: DeviceSpec.Price] {
    guard prices != nil || priceKind == nil else {
      throw UserError(
        "`--price-kind` chooses among the lines of `--prices`, which is not given",
        hint: "give both, or leave it out")
    }
    var chosen = try prices.map { try PriceFile(path: $0).prices(kind: priceKind) } ?? [:]
    for item in price {
      let parts = item.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2, let dollars = Double(parts[1]), dollars >= 0, dollars.isFinite else {
        throw UserError(
          "`--price` must be a device, `=` and dollars per hour, found `\(item)`",
          hint: "write `--price h100-sxm=2.95`")
      }
      chosen[try DeviceCatalogue.find(parts[0]).name] = .init(
        dollarsPerHour: dollars, source: "--price")
    }
    return chosen
  }
}

/// A table of the user's own prices.
struct PriceFile {
  private let table: MeasurementTable

  private static let required = ["device", "dollars_per_hour"]
  private static let columns = required + ["kind", "currency", "date", "source"]

  /// - Throws: ``UserError`` for a file that cannot be read, and for columns that are missing or unknown.
  init(path: String) throws {
    table = try MeasurementTable(path: path)
    try table.require(Self.required)
    if let unknown = table.columnNames.first(where: { !Self.columns.contains($0) }) {
      throw UserError(
        "\(path):1: unknown column `\(printable(unknown))`",
        hint: "columns are \(Self.columns.joined(separator: ", ")); prices are in US dollars")
    }
  }

  /// The prices of one kind, or of every line, by the name of the device.
  ///
  /// - Throws: ``UserError`` with the line: an unknown device, a price below 0, another currency, two prices of a device.
  func prices(kind wanted: String?) throws -> [String: DeviceSpec.Price] {
    var prices: [String: (price: DeviceSpec.Price, row: Int)] = [:]
    for row in 0..<table.rowCount {
      let (device, price) = try price(row)
      if let wanted, price.kind != wanted { continue }
      if let earlier = prices[device] {
        let kind = earlier.price.kind.map { ", \($0)" } ?? ""
        throw failure(
          row,
          "`\(device)` has a price already: $\(plain(earlier.price.dollarsPerHour)) (\(table.place(earlier.row))\(kind))",
          hint: "leave one of them out"
            + (price.kind == earlier.price.kind ? "" : ", or choose with `--price-kind`"))
      }
      prices[device] = (price, row)
    }
    if let wanted, prices.isEmpty {
      let kinds = Set((0..<table.rowCount).compactMap { optional("kind", $0) }).sorted()
      throw UserError(
        "\(table.path): no line is of the kind `\(wanted)`",
        hint: kinds.isEmpty
          ? "the file has no `kind`: leave `--price-kind` out"
          : "kinds are \(kinds.map { "`\(printable($0))`" }.joined(separator: ", "))")
    }
    return prices.mapValues(\.price)
  }

  private func price(_ row: Int) throws -> (device: String, price: DeviceSpec.Price) {
    let device: DeviceSpec
    do { device = try DeviceFile.find(table.text("device", row)) } catch let error as UserError {
      throw failure(row, error.message, hint: error.hint)
    }
    if let currency = optional("currency", row), currency != "USD" {
      throw failure(
        row, "`currency` is `\(printable(currency))`: prices are in US dollars",
        hint: "convert the price, and write `USD` or leave the column out")
    }
    let dollars: Double
    do { dollars = try table.number("dollars_per_hour", row) } catch let error as UserError {
      throw UserError(
        error.message, hint: "write US dollars per GPU and hour as a number alone, such as `2.10`")
    }
    let date = optional("date", row)
    if let date, date.wholeMatch(of: /\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])/) == nil {
      throw failure(
        row, "`date` must be a day such as `2026-03-01`, found `\(printable(date))`", hint: nil)
    }
    return (
      device.name,
      .init(
        dollarsPerHour: dollars,
        source: optional("source", row) ?? table.place(row), date: date, kind: optional("kind", row)
      )
    )
  }

  private func optional(_ column: String, _ row: Int) -> String? {
    let text = table.text(column, row)
    return text.isEmpty ? nil : text
  }

  private func failure(_ row: Int, _ message: String, hint: String?) -> UserError {
    UserError("\(table.place(row)): \(message)", hint: hint)
  }
}

extension DeviceSpec {
  /// The device at the price that the user gave for it, if one was given.
  func priced(_ prices: [String: Price]) -> DeviceSpec {
    guard let price = prices[name] else { return self }
    var device = self
    device.price = price
    return device
  }
}
