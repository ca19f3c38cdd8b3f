import ArgumentParser
import Results
import Validation

/// `kvplan calibrate link`: measured transfers of keys and values to a latency and a bandwidth.
struct CalibrateLinkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "link",
    abstract: "Fit the link between replicas to measured transfers of keys and values.",
    discussion: """
      Every second row is fitted and the others are tried: `kv_mb` is in millions of bytes, `transfer_ms` in milliseconds.

      EXAMPLE
        kvplan calibrate link kv_transfer.csv
      """)

  @Argument(help: "Table with the columns `kv_mb` and `transfer_ms`.")
  var file: String

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() throws {
    let fit = try LinkFit(path: file)
    switch format {
    case .table: Terminal.write(table(fit))
    case .json: Terminal.write(json(fit).recorded.indented + "\n")
    case .csv:
      Terminal.write(
        "kv_mb,transfer_ms,fitted_ms,held_out\n" + fit.transfers.map { row(fit, $0) }.joined())
    }
  }

  private func table(_ fit: LinkFit) -> String {
    var rows = TextTable([
      .init("MB"), .init("measured, ms"), .init("fitted, ms"), .init("error, %"),
      .init("held out", .left),
    ])
    rows.rows = fit.transfers.map { transfer in
      [
        Digits.fixed(transfer.bytes / 1e6, decimals: 0),
        Digits.fixed(transfer.seconds * 1e3, decimals: 2),
        Digits.fixed(fit.seconds(transfer) * 1e3, decimals: 2),
        Digits.fixed(fit.error(transfer) * 100, decimals: 1), transfer.isHeldOut ? "yes" : "",
      ]
    }
    let errors = [false, true].map { Digits.fixed(fit.errorMax(heldOut: $0) * 100, decimals: 1) }
    return rows.rendered()
      + "\nlatency \(Digits.fixed(fit.latencySeconds * 1e3, decimals: 3)) ms, bandwidth "
      + "\(Digits.fixed(fit.bandwidth / 1e9, decimals: 1)) GB/s; off by at most \(errors[0]) % on fitted and "
      + "\(errors[1]) % on held-out transfers\n"
  }

  private func row(_ fit: LinkFit, _ transfer: LinkFit.Transfer) -> String {
    [
      Digits.fixed(transfer.bytes / 1e6, decimals: 1),
      Digits.fixed(transfer.seconds * 1e3, decimals: 4),
      Digits.fixed(fit.seconds(transfer) * 1e3, decimals: 4), "\(transfer.isHeldOut)",
    ].joined(separator: ",") + "\n"
  }

  private func json(_ fit: LinkFit) -> JSONValue {
    .object([
      .init("latency_ms", .real(fit.latencySeconds * 1e3)),
      .init("bandwidth_gb_s", .real(fit.bandwidth / 1e9)),
      .init("error_max_fitted", .real(fit.errorMax(heldOut: false))),
      .init("error_max_held_out", .real(fit.errorMax(heldOut: true))),
    ])
  }
}
