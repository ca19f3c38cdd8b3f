import Foundation
import SimulationKernel
import Testing

@testable import MockServing

@Suite struct CompletionRequestTests {
  private static let served = CompletionRequest.Served(model: "m", modelLength: 100)

  private func read(
    _ body: String, _ kind: CompletionKind = .text
  ) throws -> CompletionRequest {
    try CompletionRequest(kind, body: Data(body.utf8), served: Self.served)
  }

  private func refusal(_ body: String, _ kind: CompletionKind = .text) -> APIError? {
    do {
      _ = try read(body, kind)
      return nil
    } catch { return error as? APIError }
  }

  @Test(arguments: [
    (#"{"prompt": "eight by"}"#, 2, 16), (#"{"prompt": "nine byte"}"#, 3, 16),
    (#"{"prompt": [5, 6, 7], "max_tokens": 9}"#, 3, 9),
    (#"{"prompt": ["four"], "max_tokens": 1, "ignore_eos": true, "temperature": 0}"#, 1, 1),
    (#"{"prompt": [[1, 2]], "model": "m", "max_completion_tokens": 98}"#, 2, 98),
    (#"{"prompt": "\#(String(repeating: "x", count: 384))"}"#, 96, 4),
  ])
  func textsAndTokenIdsAreCounted(body: String, prompt: Int, output: Int) throws {
    let request = try read(body)
    #expect(request.promptTokens == prompt)
    #expect(request.outputTokens == output)
    #expect(!request.isStreamed)
  }

  /// 4 + 8 bytes of text; an image has none. Nothing said of its length, a chat gets all that fit.
  @Test func aChatIsTheTextOfItsMessages() throws {
    let request = try read(
      #"""
      {"messages": [{"role": "system", "content": "four"}, {"role": "assistant", "content": null},
       {"role": "user", "content": [{"type": "text", "text": "eight by"}, {"type": "image_url"}]}],
       "stream": true, "stream_options": {"include_usage": true}}
      """#, .chat)
    #expect(request.promptTokens == 3)
    #expect(request.outputTokens == 97)
    #expect(request.isStreamed && request.includesUsage)
  }

  @Test(arguments: [
    (#"{"prompt": "#, 400, "The body is not a JSON object that can be read."),
    (#"{"prompt": 5}"#, 400, "prompt: not of the type that the interface asks for."),
    (
      #"{"prompt": "x", "max_tokens": "y"}"#, 400,
      "max_tokens: not of the type that the interface asks for."
    ),
    ("{}", 400, "prompt: Field required."),
    (#"{"prompt": ""}"#, 400, "The prompt is empty."),
    (#"{"prompt": ["a", "b"]}"#, 400, "prompt: one prompt a request is simulated, got 2."),
    (#"{"prompt": "x", "max_tokens": 0}"#, 400, "max_tokens must be at least 1, got 0."),
    (
      #"{"prompt": "x", "n": 2}"#, 400, "n, best_of and beams: one sequence a request is simulated."
    ),
    (
      #"{"prompt": "x", "model": "other"}"#, 404,
      "The model `other` does not exist; `m` does."
    ),
    (
      #"{"prompt": "x", "max_tokens": 100}"#, 400,
      "This model's maximum context length is 100 tokens. However, you requested 100 output tokens and your "
        + "prompt contains 1."
    ),
  ])
  func mistakesAreNamed(body: String, status: Int, message: String) {
    #expect(refusal(body) == APIError(status: status, message))
  }

  @Test func aChatNeedsMessages() {
    #expect(
      refusal(#"{"prompt": "x"}"#, .chat) == APIError(status: 400, "messages: Field required."))
  }
}

@Suite struct CompletionTextTests {
  private let text = CompletionText(.text, id: "7", model: "a/\"b\"", created: 9)
  private let chat = CompletionText(.chat, id: "7", model: "m", created: 9)

  @Test func chunksAreOpenAIs() {
    let head =
      #"data: {"id":"cmpl-7","object":"text_completion","created":9,"model":"a/\"b\"","choices":["#
    #expect(
      text.chunk(tokens: 2, isFirst: true, isLast: false)
        == head + #"{"index":0,"text":" token token","logprobs":null,"finish_reason":null}]}"#
        + "\n\n")
    #expect(
      text.end(usage: (3, 2)) == head
        + #"],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#
        + "\n\ndata: [DONE]\n\n")
    #expect(text.end(usage: nil) == "data: [DONE]\n\n")
  }

  @Test func aChatNamesItsSpeakerFirst() {
    let head =
      #"data: {"id":"chatcmpl-7","object":"chat.completion.chunk","created":9,"model":"m","choices":["#
    let speaker =
      #"{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}"#
    let word =
      #"{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":"length"}]}"#
    #expect(
      chat.chunk(tokens: 1, isFirst: true, isLast: true)
        == head + speaker + "\n\n" + head + word + "\n\n")
    #expect(chat.chunk(tokens: 1, isFirst: false, isLast: true) == head + word + "\n\n")
  }

  @Test func wholeAnswersErrorsAndModelsAreJSON() throws {
    for json in [
      text.whole(promptTokens: 3, outputTokens: 2), chat.whole(promptTokens: 3, outputTokens: 2),
      CompletionText.models(.init(model: "a\\\"b", modelLength: 8), created: 9),
      CompletionText.error(APIError(status: 413, "a \"b\"\n")),
    ] {
      #expect(try JSONSerialization.jsonObject(with: Data(json.utf8)) is [String: Any])
    }
    #expect(
      CompletionText.error(APIError(status: 404, "no"))
        == #"{"error":{"message":"no","type":"NotFoundError","param":null,"code":404}}"#)
  }
}

@Suite struct ServerMetricsTests {
  /// Two tokens: at 40 ms of one that came at 10, and 30 ms later.
  @Test func theFamiliesAreVLLMs() {
    var metrics = ServerMetrics()
    let ms: (Int64) -> SimInstant = { SimInstant(nanoseconds: $0 * 1_000_000) }
    metrics.add(.init(request: 0, tokens: 1, time: ms(40), before: ms(10), isFirst: true))
    metrics.add(
      .init(
        request: 0, tokens: 1, time: ms(70), before: ms(40), isFirst: false,
        finished: .init(arrival: ms(10), firstToken: ms(40), promptTokens: 5, outputTokens: 2)))
    let text = metrics.text(
      model: "m", state: .init(running: 3, waiting: 2, heldShare: 0.25, preemptions: 1))
    let labels = #"engine="0",model_name="m""#
    for line in [
      "# TYPE vllm:num_requests_running gauge", "vllm:num_requests_running{\(labels)} 3",
      "vllm:num_requests_waiting{\(labels)} 2", "vllm:kv_cache_usage_perc{\(labels)} 0.25",
      "vllm:num_preemptions_total{\(labels)} 1", "vllm:prompt_tokens_total{\(labels)} 5",
      "vllm:generation_tokens_total{\(labels)} 2",
      #"vllm:request_success_total{\#(labels),finished_reason="length"} 1"#,
      #"vllm:time_to_first_token_seconds_bucket{\#(labels),le="0.02"} 0"#,
      #"vllm:time_to_first_token_seconds_bucket{\#(labels),le="0.04"} 1"#,
      #"vllm:time_to_first_token_seconds_bucket{\#(labels),le="+Inf"} 1"#,
      "vllm:time_to_first_token_seconds_sum{\(labels)} 0.03",
      #"vllm:inter_token_latency_seconds_bucket{\#(labels),le="0.025"} 0"#,
      #"vllm:inter_token_latency_seconds_bucket{\#(labels),le="0.05"} 1"#,
      "vllm:request_time_per_output_token_seconds_count{\(labels)} 1",
      "vllm:e2e_request_latency_seconds_sum{\(labels)} 0.06",
    ] { #expect(text.split(separator: "\n").contains(Substring(line)), "\(line)") }
  }
}
