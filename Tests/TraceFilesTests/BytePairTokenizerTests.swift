import Foundation
import Messages
import Testing
import Workload

@testable import TraceFiles

/// Counts against those of Hugging Face `tokenizers` 0.23.3, which made the small tokenizers and
/// the counts in `Tests/Fixtures/Tokenizers` from English text.
@Suite struct BytePairTokenizerTests {
  private static let folder = repositoryRoot.appending(path: "Tests/Fixtures/Tokenizers")

  private struct Sample: Decodable {
    let text: String
    let gpt2: Int
    let llama3: Int
  }

  @Test(arguments: ["gpt2", "llama3"]) func countsAsTheLibraryDoes(_ name: String) throws {
    let tokenizer = try BytePairTokenizer(
      path: Self.folder.appending(path: "\(name).json").path)
    let data = try Data(contentsOf: Self.folder.appending(path: "counts.json"))
    let samples = try JSONDecoder().decode([Sample].self, from: data)
    #expect(samples.count > 100)
    for sample in samples {
      var scratch = TokenizerScratch()
      let count = tokenizer.countTokens(in: Array(sample.text.utf8).span, scratch: &scratch)
      let expected = name == "gpt2" ? sample.gpt2 : sample.llama3
      #expect(count == expected, "\(sample.text.debugDescription)")
    }
  }

  @Test func tracesOfTextAreCounted() throws {
    var options = TraceReadOptions()
    options.textMeasure = .tokenizer(
      try BytePairTokenizer(path: Self.folder.appending(path: "gpt2.json").path))
    let messages = #"{"from":"human","value":"a\n"},{"from":"gpt","value":"b"}"#
    let reading = try TraceReader.read(
      bytes: Array("[{\"conversations\":[\(messages)]}]".utf8), name: "f", options: options)
    #expect(reading.trace.requests == [Request(promptTokens: 2, outputTokens: 1, session: 0)])
    #expect(reading.facts.charactersPerToken == nil)
    #expect(reading.trace.name == "f")
  }

  @Test(arguments: [
    ("", "t.json: byte 0: the JSON text ends early"),
    ("{}", "t.json: the model is no `BPE`"),
    (#"{"model":{"type":"Unigram"}}"#, "t.json: the model is no `BPE`"),
    (#"{"model":{"type":"BPE","vocab":{"a":0}}}"#, "t.json: its pre-tokenizer is not known"),
    (
      #"{"model":{"type":"BPE","vocab":{"a":0}},"pre_tokenizer":{"type":"ByteLevel"}}"#,
      "t.json: the vocabulary lacks the byte 0"
    ),
    (
      #"{"model":{"type":"BPE","vocab":{"a":0}},"normalizer":{"type":"Lowercase"}}"#,
      "t.json: its normalizer is not known"
    ),
  ]) func otherTokenizersAreRefused(_ text: String, _ message: String) {
    let error = #expect(throws: UserError.self) {
      try BytePairTokenizer(bytes: Array(text.utf8), name: "t.json")
    }
    #expect(error?.message == message)
  }
}
