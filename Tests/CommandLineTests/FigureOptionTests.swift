import ArgumentParser
import Foundation
import Messages
import Testing

@testable import kvplan

/// `--figure` on command lines: what can be drawn of which runs, and where.
@Suite struct FigureOptionTests {
  private static func mistake(_ words: String, runs: Int = 1) -> String? {
    do {
      _ = try ResultsRun(
        OutputOptions.parse(words.split(separator: " ").map(String.init)), count: runs)
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: [
    (
      "--figure cdf", 1,
      """
      error: `--figure cdf` says what to draw, and nothing where

      hint: add `--output FOLDER`
      """
    ),
    (
      "--output out --files summary --figure cdf", 1,
      """
      error: `--figure cdf` is asked for, and `--files` leaves figures out

      hint: add `figures` to `--files`
      """
    ),
    (
      "--output out --figure curve:metric=ttft", 1,
      """
      error: `--figure curve` needs runs that differ, and there is one

      hint: vary a setting: `--vary request-rate=1,2,4`
      """
    ),
    (
      "--output out --figure cdf --figure cdf:metric=ttft,scale=log", 2,
      """
      error: `--figure` asks twice for `figures/cdf-ttft.svg`

      hint: name another metric, or draw it with `--output` of another folder
      """
    ),
    (
      "--output out --figure timelines", 1,
      """
      error: `--figure` has no kind `timelines`

      hint: did you mean `timeline`? kinds are `cdf`, `curve`, `timeline` and `ledger`
      """
    ),
  ])
  func aMistakeIsFoundBeforeAnythingRuns(words: String, runs: Int, message: String) {
    #expect(Self.mistake(words, runs: runs) == message)
  }

  @Test func sweepsHaveCurvesOnly() throws {
    let merge = try SweepMergeCommand.parse(["none.yaml", "--figure", "cdf:metric=ttft"])
    #expect(
      throws: UserError(
        "`--figure cdf` needs single requests, which a sweep does not keep",
        hint: "`--figure curve` draws what it has; `kvplan simulate --vary` keeps requests")
    ) { try merge.run() }
  }
}
