import Foundation
import Testing

@testable import kvplan

/// Colours are for terminals, and for those who want them.
@Suite struct ColorTests {
  @Test(arguments: [
    (true, [:], true), (false, [:], false), (true, ["NO_COLOR": "1"], false),
    (true, ["NO_COLOR": "0"], false), (true, ["NO_COLOR": ""], true),
    (true, ["TERM": "dumb"], false), (true, ["TERM": "xterm"], true),
  ])
  func theyAreWanted(isTerminal: Bool, environment: [String: String], wanted: Bool) {
    #expect(TerminalColor.isWanted(isTerminal: isTerminal, environment: environment) == wanted)
  }

  @Test func wordsArePainted() {
    #expect(
      TerminalColor.painted("error: no error: here\n\nhint: go")
        == "\u{1B}[1;31merror:\u{1B}[0m no error: here\n\n\u{1B}[1;36mhint:\u{1B}[0m go")
    #expect(TerminalColor.painted("results are in `out`") == "results are in `out`")
  }

  /// `script` gives the tool a terminal of its own.
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script")))
  func aTerminalGetsColoursUnlessToldNot() throws {
    func said(_ environment: String) throws -> String {
      try Tool.shell("\(environment) script -qec '\"$KVPLAN\" simulat' /dev/null").output
    }
    let plain = "error: no command `simulat`\n\nhint: did you mean `simulate`?\n"
    let painted = TerminalColor.painted(plain)
    #expect(painted != plain)
    // A terminal ends lines so.
    #expect(try said("TERM=xterm") == painted.replacing("\n", with: "\r\n"))
    #expect(try said("TERM=xterm NO_COLOR=1") == plain.replacing("\n", with: "\r\n"))
    let piped = try Tool.shell("TERM=xterm \"$KVPLAN\" simulat")
    #expect(piped.errors == plain)
  }
}
