import Messages
import Testing

@testable import Workload

@Suite struct LengthTableTests {
  private let text = """
    prompt_from,prompt_to,output_from,output_to,weight
    1,10,1,1,3
    11,20,100,109,1
    21,30,5,5,0

    """

  /// Short prompts have one output token, long ones a hundred or more; a weight of 0 is never drawn.
  @Test func outputsDependOnPrompts() throws {
    let table = try LengthTable(text, name: "table.csv")
    let recipe = TraceRecipe(lengths: .table(table), count: 20_000, seed: 4)
    let trace = try TraceGenerator.generate(recipe)
    let short = trace.requests.filter { $0.promptTokens <= 10 }
    let long = trace.requests.filter { (11...20).contains($0.promptTokens) }
    #expect(short.count + long.count == 20_000)
    #expect(abs(Double(short.count) / 20_000 - 0.75) < 0.01)
    #expect(short.allSatisfy { $0.outputTokens == 1 })
    #expect(Set(long.map(\.outputTokens)) == Set(100...109))
    #expect(Set(short.map(\.promptTokens)) == Set(1...10))
    #expect(trace.name == "like table.csv")
    #expect(try TraceGenerator.generate(recipe) == trace)
  }

  @Test(arguments: [
    ("a,b\n", "t:1:1: the header must be `prompt_from,prompt_to,output_from,output_to,weight`"),
    (LengthTable.header + "\n1,2,3,4\n", "t:2:1: 4 fields, the header has 5"),
    (
      LengthTable.header + "\n\n1,2,0,4,1\n",
      "t:3:1: lengths must be integers from 1 on, each `from` at most its `to`"
    ),
    (
      LengthTable.header + "\n1,2,3,4,-1\n",
      "t:2:1: a weight must be a number, 0 or more, found `-1`"
    ),
    (LengthTable.header + "\n1,2,3,4,0\n", "t: no row has a weight above 0"),
  ])
  func mistakes(_ text: String, _ wanted: String) {
    #expect {
      try LengthTable(text, name: "t")
    } throws: {
      ($0 as? UserError)?.message == wanted
    }
  }
}
