import Kernels
import Messages

/// The latency and the bandwidth of a link between replicas, from measured transfers of keys and values: time is latency plus
/// bytes by bandwidth. Both are fitted on every second transfer and tried on the others.
package struct LinkFit: Equatable, Sendable {
  /// One that was measured.
  package struct Transfer: Equatable, Sendable {
    /// Where it stands: `FILE:LINE`.
    package var place: String
    package var bytes: Double
    package var seconds: Double
    /// Whether the fit has not seen it.
    package var isHeldOut: Bool
  }

  package let transfers: [Transfer]
  package let latencySeconds: Double
  /// Bytes a second.
  package let bandwidth: Double

  /// Reads a table with the columns `kv_mb` (millions of bytes) and `transfer_ms`, and fits its first, third, … row.
  ///
  /// - Throws: ``UserError`` with file and line, and for fewer than four rows, or rows whose times do not grow with their
  ///   bytes.
  package init(path: String) throws {
    let table = try MeasurementTable(path: path)
    try table.require(["kv_mb", "transfer_ms"])
    let transfers = try (0..<table.rowCount).map { row in
      Transfer(
        place: table.place(row), bytes: try table.number("kv_mb", row) * 1e6,
        seconds: try table.seconds("transfer_ms", row, unit: 1e-3), isHeldOut: row % 2 == 1)
    }
    guard transfers.count >= 4 else {
      throw UserError(
        "\(path): \(transfers.count) transfers, of which every second is fitted",
        hint: "give at least 4 of different sizes")
    }
    let seen = transfers.filter { !$0.isHeldOut }
    let solution = LeastSquares.relativeFit(
      rows: seen.map { [1, $0.bytes] }, targets: seen.map(\.seconds))
    guard solution[1] > 0 else {
      throw UserError("\(path): transfers of more bytes do not take longer: there is no bandwidth")
    }
    self.transfers = transfers
    (latencySeconds, bandwidth) = (solution[0], 1 / solution[1])
  }

  /// Seconds that a transfer takes by the fit.
  package func seconds(_ transfer: Transfer) -> Double {
    latencySeconds + transfer.bytes / bandwidth
  }

  /// How far the fit is off, as a share of what was measured.
  package func error(_ transfer: Transfer) -> Double { seconds(transfer) / transfer.seconds - 1 }

  /// The largest error of transfers that the fit has seen, or has not.
  package func errorMax(heldOut: Bool) -> Double {
    transfers.filter { $0.isHeldOut == heldOut }.map { abs(error($0)) }.max() ?? 0
  }
}
