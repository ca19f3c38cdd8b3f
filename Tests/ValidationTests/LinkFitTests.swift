import Foundation
import Messages
import Testing

@testable import Validation

/// A latency and a bandwidth from measured transfers.
@Suite struct LinkFitTests {
  private func fit(_ rows: [String]) throws -> LinkFit {
    let files = try SmallFiles(["link.csv": (["kv_mb,transfer_ms"] + rows).joined(separator: "\n")])
    return try LinkFit(path: files.path + "/link.csv")
  }

  /// 0.5 ms and 100 GB/s: 1 ms more for each 100 MB.
  @Test func findsWhatTheTransfersWereMadeOf() throws {
    let fit = try fit(["100,1.5", "200,2.5", "400,4.5", "800,9.35"])
    #expect(abs(fit.latencySeconds - 0.5e-3) < 1e-8)
    #expect(abs(fit.bandwidth / 100e9 - 1) < 1e-4)
    #expect(fit.transfers.map(\.isHeldOut) == [false, true, false, true])
    // 8.5 ms where 9.35 were measured, on a row that the fit has not seen.
    #expect(abs(fit.errorMax(heldOut: true) - 1 / 11) < 1e-4)
    #expect(fit.errorMax(heldOut: false) < 1e-4)
  }

  @Test func tooFewTransfersAreSaid() {
    let error = #expect(throws: UserError.self) { try fit(["100,1.5", "200,2.5"]) }
    #expect(error?.message.hasSuffix("2 transfers, of which every second is fitted") == true)
  }

  private static let measured = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../shared/data/measured/kv_transfer.csv").standardizedFileURL.path

  /// The transfers of Qwen3-8B over RoCE: two numbers from every second are within 15 % of the others.
  @Test(.enabled(if: FileManager.default.fileExists(atPath: measured)))
  func measuredTransfersAreMet() throws {
    let fit = try LinkFit(path: Self.measured)
    #expect(fit.transfers.count == 9)
    #expect(fit.errorMax(heldOut: true) < 0.15)
  }
}
