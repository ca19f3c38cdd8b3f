import Foundation
import Testing

@testable import kvplan

/// What shells are told.
@Suite struct CompletionTests {
  @Test func ownNamesComeFirst() {
    let names = ["h100-sxm", "h100_sxm", "h200-sxm", "meta-llama/Llama-3.1-8B"]
    #expect(Completions.names(names, "h") == ["h100-sxm", "h200-sxm"])
    #expect(Completions.names(names, "h100_") == ["h100_sxm"])
    #expect(Completions.names(names, "meta-") == ["meta-llama/Llama-3.1-8B"])
    #expect(Completions.names(names, "x") == [])
  }

  @Test func listsGoOnAfterACommaWithoutWhatTheyHave() {
    let names = ["vllm-0.2", "vllm-v1", "sglang"]
    #expect(Completions.list(names, "vllm") == ["vllm-0.2", "vllm-v1"])
    #expect(Completions.list(names, "vllm-v1,vllm") == ["vllm-v1,vllm-0.2"])
    #expect(Completions.list(names, "vllm-v1,") == ["vllm-v1,vllm-0.2", "vllm-v1,sglang"])
    #expect(Completions.list(names, "") == names)
  }

  /// As a shell does it: the script is sourced, and asked for what begins with the last word.
  @Test func bashCompletes() throws {
    let cases: [(words: [String], completions: [String])] = [
      (["simulate", "--system", "vllm-v"], ["vllm-v1"]),
      (
        ["simulate", "t.csv", "--model", "opt-1"],
        ["opt-13b", "opt-175b", "opt-1.3b", "opt-125m"]
      ),
      (["plan", "fleet", "--devices", "h100-sxm,h200-"], ["h100-sxm,h200-sxm"]),
      (["compare", "--systems", "sglang,orca-m"], ["sglang,orca-max"]),
    ]
    let asked = cases.map { words, _ in
      let line = (["kvplan"] + words).joined(separator: " ")
      return """
        COMP_LINE="\(line)"; COMP_POINT=${#COMP_LINE}; COMP_WORDS=(\(line)); COMP_CWORD=\(words.count)
        COMPREPLY=(); _kvplan kvplan \(words[words.count - 1]) \(words[words.count - 2])
        echo "${COMPREPLY[*]}"
        """
    }
    let run = try Tool.shell(
      """
      exec bash --noprofile --norc -c '
        folder=$(mktemp -d); ln -s "$KVPLAN" "$folder/kvplan"; PATH=$folder:$PATH
        source <(kvplan --generate-completion-script bash)
        \(asked.joined(separator: "\n"))
        rm -r "$folder"'
      """)
    #expect(
      run.output.split(separator: "\n").map(String.init)
        == cases.map { $0.completions.joined(separator: " ") })
  }
}
