import Testing

@testable import Reproduction

@Suite struct ClaimTests {
  @Test(arguments: [
    (Claim.Expectation.value(20, within: 1.5), 21.5, Claim.Verdict.inside),
    (.value(20, within: 1.5), 21.6, .outside), (.value(20, within: 1.5), 18.5, .inside),
    (.span(1.7...2.7), 1.7, .inside), (.span(1.7...2.7), 2.71, .outside),
    (Claim.relative(10, 0.05), 9.5, .inside), (Claim.relative(10, 0.05), 10.6, .outside),
    (.nothing, 5, .notComparable),
  ])
  func verdictFollowsTheTolerance(
    expectation: Claim.Expectation, ours: Double, verdict: Claim.Verdict
  ) {
    #expect(Claim("1", "q", expectation, ours: ours).verdict == verdict)
  }

  @Test func verdictsAreCounted() {
    let claims = [1.0, 2, 3].map { Claim("1", "q", .span(0...2.5), ours: $0) }
    let other = Claim("1", "q", .nothing, ours: 1)
    #expect(
      ReproductionPage.verdicts(claims) == "2 of 3 comparable rows are inside, 67 %")
    #expect(
      ReproductionPage.verdicts(claims + [other, other])
        == "2 of 3 comparable rows are inside, 67 %; 2 are not comparable")
    #expect(
      ReproductionPage.verdicts([other])
        == "0 of 0 comparable rows are inside; 1 is not comparable")
  }

  @Test func isWrittenAsCSV() {
    let claims = [
      Claim("2", "vLLM, token states, %", .value(96.3, within: 1.5), ours: 96.31),
      Claim("12", "gain", .span(1.7...2.7), ours: 1.666, note: "short by \"2 %\""),
      Claim("17", "rate", .nothing, ours: 30),
    ]
    #expect(
      ClaimsCSV.text(claims) == """
        figure,quantity,paper,ours,ratio,verdict,note
        2,"vLLM, token states, %",96.3,96.31,1.000,inside,
        12,gain,1.7-2.7,1.67,,outside,"short by ""2 %\"""
        17,rate,,30,,not-comparable,

        """)
  }

  @Test func thePageListsWhatDidNotComeOut() {
    let report = FigureReport(
      name: "12", title: "Figure 12",
      claims: [
        Claim("12", "gain", .span(1.7...2.7), ours: 1.666, note: "host time"),
        Claim("12", "knee", .value(2, within: 0.2), ours: 2.05),
        Claim("12", "rate", .nothing, ours: 30, note: "its trace is not public"),
      ], data: DataTable(["a"]), figure: nil, remarks: ["A threshold."])
    let page = ReproductionPage(title: "Again", command: "kvplan x", preamble: ["Seed 0."])
    #expect(
      page.markdown([report]) == """
        # Again

            kvplan x

        - Seed 0.

        Verdicts: 1 inside, 1 outside, 1 not-comparable.

        ## What did not come out

        - Figure 12, gain: 1.67, the paper has 1.7-2.7: host time

        ## What is not comparable

        - Figure 12, rate: 30; its trace is not public

        ## Figure 12

        | quantity | paper | ours | ratio | verdict | note |
        |---|---|---|---|---|---|
        | gain | 1.7-2.7 | 1.67 |  | outside | host time |
        | knee | 2 | 2.05 | 1.02 | inside |  |
        | rate |  | 30 |  | not-comparable | its trace is not public |

        A threshold.


        """)
  }

  /// Four rows with one reason are one line; three are three, and so are rows of other figures.
  @Test func manyRowsWithOneReasonAreCounted() {
    let notes = [
      ("12", "its trace is not public", 4), ("12", "", 4), ("13", "its trace is not public", 1),
    ]
    let report = FigureReport(
      name: "12", title: "Figure 12",
      claims: notes.flatMap { figure, note, count in
        (1...count).map { Claim(figure, "rate \($0)", .nothing, ours: Double($0), note: note) }
      }, data: DataTable(["a"]), figure: nil, remarks: [])
    let page = ReproductionPage(title: "Again", command: "kvplan x", preamble: [])
    #expect(
      page.markdown([report]).contains(
        """
        ## What is not comparable

        - Figure 12, 4 rows; its trace is not public
        - Figure 12, 4 rows; the paper has no numbers for them
        - Figure 13, rate 1: 1; its trace is not public

        """))
  }
}
