import Foundation
import Planning
import Results
import Testing

@testable import Reproduction

/// The quick figures from end to end, on the committed traces.
@Suite struct PaperFigureTests {
  static let setting: PaperSetting? = {
    let root = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    guard let lists = try? PaperTraceFolder(root.appending(path: "traces").path) else { return nil }
    return PaperSetting(traces: lists.traces, hasOriginalShareGPT: lists.hasOriginalShareGPT)
  }()

  @Test func table1ComesOutButForOneRounding() throws {
    let claims = try PaperFigure.table1Report().claims
    #expect(claims.map(\.verdict) == [.inside, .inside, .outside, .inside, .inside, .inside])
    #expect(claims.map { Claim.text($0.ours * 1000) }.first == "15728")
  }

  /// On the artifact's own list every class is within 0.7 points; the committed stand-in is a sample.
  @Test func figure2IsNearThePaper() throws {
    let report = try PaperFigure.memory.report(try #require(Self.setting))
    #expect(report.claims.count == 12)
    for claim in report.claims {
      guard case .value(let paper, _) = claim.expectation else { continue }
      #expect(abs(claim.ours - paper) < 6, "\(claim.quantity): \(claim.ours), paper \(paper)")
    }
    #expect(report.data.rows.count == 8)
    #expect(report.figure?.svg().hasPrefix("<svg") == true)
  }

  @Test func figure11HasTheMeans() throws {
    let report = try PaperFigure.lengths.report(try #require(Self.setting))
    #expect(report.claims.allSatisfy { $0.verdict == .inside })
  }

  @Test func figure15SavesAsInThePaper() throws {
    var setting = try #require(Self.setting)
    setting.timeScale = 0.2
    let claims = try PaperFigure.savings.report(setting).claims
    let savings = claims.map(\.ours)
    #expect(savings[0] < savings[1] && savings[1] < savings[2])
    #expect(savings[3] < savings[4] && savings[4] < savings[5])
    for claim in claims {
      guard case .value(let paper, _) = claim.expectation else { continue }
      #expect(abs(claim.ours - paper) < max(4, 0.15 * paper), "\(claim.quantity)")
    }
  }

  @Test func theSameSettingGivesTheSameBytes() throws {
    var setting = try #require(Self.setting)
    setting.timeScale = 0.05
    let first = try PaperFigure.recovery.report(setting)
    let second = try PaperFigure.recovery.report(setting)
    #expect(first.data == second.data)
    #expect(first.figure?.svg() == second.figure?.svg())
  }

  @Test func namesAreUnique() {
    let names = PaperFigure.allCases.map(\.rawValue)
    #expect(Set(names).count == names.count)
  }
}
