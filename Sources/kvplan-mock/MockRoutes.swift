import Foundation
import HTTPTypes
import Hummingbird
import Logging
import MockServing
import NIOCore
import Serving

/// Which path is answered by what; all decisions stand in `MockServing`.
struct MockRoutes: Sendable {
  let server: MockServer
  let served: CompletionRequest.Served
  let maxBodyBytes: Int

  var router: Router<BasicRequestContext> {
    let router = Router()
    router.get("/health") { _, _ in
      await server.brokenBy.map { response(to: $0) } ?? Response(status: .ok)
    }
    router.get("/v1/models") { _, _ in
      json(CompletionText.models(served, created: Self.seconds()))
    }
    router.get("/metrics") { _, _ in
      let text = await server.metricsText(model: served.model)
      return Response(
        status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
        body: .init(byteBuffer: ByteBuffer(string: text)))
    }
    router.post("/v1/completions") { request, _ in await answer(.text, request) }
    router.post("/v1/chat/completions") { request, _ in await answer(.chat, request) }
    return router
  }

  private func answer(_ kind: CompletionKind, _ request: Request) async -> Response {
    do throws(APIError) {
      let body = try await body(of: request)
      let asked = try CompletionRequest(kind, body: body, served: served)
      let stream = try await server.serve(asked)
      let text = CompletionText(
        kind, id: UUID().uuidString, model: served.model, created: Self.seconds())
      return asked.isStreamed
        ? streamed(stream, text, asked) : try await whole(stream, text, asked)
    } catch {
      return response(to: error)
    }
  }

  private func body(of request: Request) async throws(APIError) -> Data {
    do {
      let buffer = try await request.body.collect(upTo: maxBodyBytes)
      return Data(buffer.readableBytesView)
    } catch is NIOTooManyBytesError {
      throw APIError(status: 413, "The body has more than \(maxBodyBytes) bytes.")
    } catch {
      throw APIError(status: 400, "The body did not come whole.")
    }
  }

  private func streamed(
    _ stream: AsyncStream<Delivery>, _ text: CompletionText, _ asked: CompletionRequest
  ) -> Response {
    Response(
      status: .ok,
      headers: [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-cache"],
      body: .init { writer in
        for await delivery in stream {
          let chunk = text.chunk(
            tokens: delivery.tokens, isFirst: delivery.isFirst, isLast: delivery.finished != nil)
          try await writer.write(ByteBuffer(string: chunk))
        }
        let usage = asked.includesUsage ? (asked.promptTokens, asked.outputTokens) : nil
        try await writer.write(ByteBuffer(string: text.end(usage: usage)))
        try await writer.finish(nil)
      })
  }

  private func whole(
    _ stream: AsyncStream<Delivery>, _ text: CompletionText, _ asked: CompletionRequest
  ) async throws(APIError) -> Response {
    var isWhole = false
    for await delivery in stream where delivery.finished != nil { isWhole = true }
    guard isWhole else {
      throw await server.brokenBy ?? APIError(status: 500, "The answer was not finished.")
    }
    return json(text.whole(promptTokens: asked.promptTokens, outputTokens: asked.outputTokens))
  }

  private func response(to error: APIError) -> Response {
    json(CompletionText.error(error), status: .init(code: error.status))
  }

  private func json(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
    Response(
      status: status, headers: [.contentType: "application/json"],
      body: .init(byteBuffer: ByteBuffer(string: text)))
  }

  private static func seconds() -> Int { Int(Date().timeIntervalSince1970) }
}
