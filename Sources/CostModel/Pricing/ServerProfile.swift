import Foundation
import Messages

/// What a server was seen to add to its kernels, fitted to its own measurements: few residuals, and what they rest on.
package struct ServerProfile: Codable, Equatable, Sendable {
  /// The version of the file's layout.
  package static let schema = 1

  package var kvplanServer = ServerProfile.schema
  /// What results call it.
  package var name: String
  /// The serving system, the model and the device that it was fitted with.
  package var system: String
  package var model: String
  package var device: String
  package var residuals: Residuals
  package var seen: Seen
  /// Mean absolute errors, as shares, of what was measured: of the runs that were fitted, and of each run by the others.
  package var errors: [String: Double]
  package var leftOutErrors: [String: Double]

  package init(
    name: String, system: String, model: String, device: String, residuals: Residuals, seen: Seen,
    errors: [String: Double], leftOutErrors: [String: Double]
  ) {
    self.name = name
    self.system = system
    self.model = model
    self.device = device
    self.residuals = residuals
    self.seen = seen
    self.errors = errors
    self.leftOutErrors = leftOutErrors
  }

  /// What is added to, or multiplies, the prices of the kernels.
  package struct Residuals: Codable, Equatable, Sendable {
    /// Seconds of an iteration beside its kernels.
    package var iterationSeconds: Double
    /// Seconds of the host for each sequence of the batch.
    package var sequenceSeconds: Double
    /// Time of products of many rows and of the attention of prompts beside the measured kernels; on a processor of all
    /// arithmetic beside the data sheet's rate.
    package var promptScale: Double
    /// Time of all kernels beside the profile's: 1 where the device was measured.
    package var kernelScale: Double
    /// Seconds of an answer that pass outside of the engine: client, network, API server, tokenizer.
    package var answerSeconds: Double

    package init(
      iterationSeconds: Double, sequenceSeconds: Double, promptScale: Double, kernelScale: Double,
      answerSeconds: Double
    ) {
      self.iterationSeconds = iterationSeconds
      self.sequenceSeconds = sequenceSeconds
      self.promptScale = promptScale
      self.kernelScale = kernelScale
      self.answerSeconds = answerSeconds
    }

    /// Those of an engine that nothing is known of beside what its release adds.
    package init(_ overheads: EngineOverheads) {
      self.init(
        iterationSeconds: overheads.hidesHost
          ? overheads.gapSeconds : overheads.iterationSeconds,
        sequenceSeconds: overheads.sequenceSeconds, promptScale: overheads.promptScale,
        kernelScale: 1, answerSeconds: 0)
    }

    /// A release's overheads, of a model, with these in place of its own.
    ///
    /// Where the host works behind the device, the seconds of an iteration are the gap that is left.
    package func replacing(_ base: EngineOverheads) -> EngineOverheads {
      var overheads = base
      overheads.mixtures = nil
      if overheads.hidesHost {
        overheads.gapSeconds = iterationSeconds
      } else {
        overheads.iterationSeconds = iterationSeconds
      }
      overheads.sequenceSeconds = sequenceSeconds
      overheads.promptScale = promptScale
      overheads.productScale *= kernelScale
      overheads.attentionScale *= kernelScale
      overheads.expertScale *= kernelScale
      return overheads
    }
  }

  /// What the measurements covered.
  package struct Seen: Codable, Equatable, Sendable {
    package var promptTokens: ClosedRange<Double>
    package var outputTokens: ClosedRange<Double>
    /// Mean requests in an iteration, of the lightest and of the heaviest run.
    package var batchedRequests: ClosedRange<Double>

    package init(
      promptTokens: ClosedRange<Double>, outputTokens: ClosedRange<Double>,
      batchedRequests: ClosedRange<Double>
    ) {
      self.promptTokens = promptTokens
      self.outputTokens = outputTokens
      self.batchedRequests = batchedRequests
    }

    /// Beyond this many times what was seen nothing is said.
    package static let reach = 2.0
  }

  /// Reads what `kvplan calibrate server` wrote.
  ///
  /// - Throws: ``UserError`` for a file that cannot be read, or is none.
  package static func read(path: String) throws -> ServerProfile {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw UserError("cannot read the server profile `\(path)`: no such file")
    }
    guard let profile = try? JSONDecoder().decode(ServerProfile.self, from: data) else {
      throw UserError(
        "\(path): not a server profile", hint: "`kvplan calibrate server` makes them")
    }
    guard profile.kvplanServer == schema else {
      throw UserError(
        "\(path): layout \(profile.kvplanServer), this version reads \(schema)",
        hint: "calibrate again with this version")
    }
    let residuals = profile.residuals
    let values = [
      residuals.iterationSeconds, residuals.sequenceSeconds, residuals.promptScale,
      residuals.kernelScale, residuals.answerSeconds,
    ]
    guard values.allSatisfy({ $0.isFinite && $0 >= 0 }), residuals.kernelScale > 0 else {
      throw UserError("\(path): a residual is negative or no number: \(values)")
    }
    guard values.allSatisfy({ $0 <= residualMax }) else {
      throw UserError(
        "\(path): a residual is above \(Int(residualMax)), seconds or times: \(values)",
        hint: "calibrate again, or mend the file")
    }
    return profile
  }

  /// An hour, or as many times the kernels: more is no server's.
  private static let residualMax = 3600.0

  /// As bytes of a file.
  package var file: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    guard let data = try? encoder.encode(self) else {
      preconditionFailure("ServerProfile: \(self) cannot be encoded")
    }
    return Array(data) + [UInt8(ascii: "\n")]
  }
}
