import CostModel
import Foundation
import Messages

/// How tokens are drafted, as vLLM's `--speculative-config` says it, or another engine's flags.
///
///     {"method": "eagle3", "num_speculative_tokens": 3}
///     {"method": "draft_model", "model": "llama-3.2-3b", "num_speculative_tokens": 4}
package struct SpeculativeConfig: Equatable, Sendable {
  /// What drafts.
  package enum Method: String, CaseIterable, Sendable {
    /// Look-up in the prompt: free on the GPU.
    case ngram
    /// A head on the model's hidden states.
    case eagle3
    /// Modules of the model for multi-token prediction.
    case mtp
    /// A smaller model.
    case draftModel = "draft_model"
    /// The model itself, on a part of its keys and values.
    case magicdec

    /// Whether vLLM has it.
    package var isEngines: Bool { self != .magicdec }
  }

  /// As it was given.
  package let text: String
  package let method: Method
  /// Drafts behind each token; `nil` where `--num-speculative-tokens` says so.
  package let tokens: Int?
  /// How many of them, by the sequences of an iteration; `nil` for all.
  package let byBatch: DraftsByBatch?
  private let batches: [[Int]]?
  /// Tokens of a sequence whose keys and values a model drafts from that drafts for itself.
  private let budget: Int?
  /// The drafting model as it was named, or the `config.json` of a head.
  private let model: String?
  /// What was found under that name.
  private let head: EAGLEHead?
  private let draft: ModelSpec?

  /// The flag that says it, for messages.
  private let flag: String

  private static let flag = "`--speculative-config`"
  private static let batchesField = "num_speculative_tokens_per_batch_size"
  private static let budgetField = "draft_kv_budget"
  private static let fields = [
    "method", "num_speculative_tokens", "model", batchesField, budgetField,
  ]

  /// - Throws: ``UserError`` for what is no such JSON, another method, and a model that cannot be read.
  package init(_ text: String) throws {
    self.text = text
    flag = Self.flag
    guard let value = try? JSONDecoder().decode(ConfigValue.self, from: Data(text.utf8)),
      case .object(let values) = value
    else {
      throw UserError(
        "\(Self.flag) must be a JSON object, found `\(printable(text))`",
        hint: "such as `{\"method\": \"eagle3\", \"num_speculative_tokens\": 3}`")
    }
    let root = ConfigFields(file: Self.flag, values: values)
    if let other = root.names.first(where: { !Self.fields.contains($0) }) {
      throw UserError(
        "\(Self.flag) sets `\(printable(other))`, which is not simulated",
        hint: "\(Self.fields.map { "`\($0)`" }.joined(separator: ", ")) are")
    }
    method = try Self.method(root)
    tokens = try root.optionalCount("num_speculative_tokens", .layers, least: 0)
    batches = try root.countLists(Self.batchesField)
    byBatch = try batches.map { ranges throws(UserError) in
      try DraftsByBatch(ranges, name: "\(Self.flag): `\(Self.batchesField)`")
    }
    budget = try Self.budget(root, of: method)
    model = try Self.model(root, of: method)
    head = method == .eagle3 ? try model.map { try EAGLEHead(path: $0) } : nil
    draft = method == .draftModel ? try model.map { try ModelFile.find($0) } : nil
  }

  /// What another engine's flags say.
  ///
  /// - Parameters:
  ///   - model: The drafting model, or the `config.json` of a head; only where one drafts.
  ///   - flag: The flag that names the model, in backquotes.
  /// - Throws: ``UserError`` for a model that cannot be read.
  package init(_ method: Method, model: String?, tokens: Int?, flag: String) throws {
    (self.method, self.model, self.tokens, self.flag) = (method, model, tokens, flag)
    text = method.rawValue
    (batches, byBatch, budget) = (nil, nil, nil)
    head = method == .eagle3 ? try model.map { try EAGLEHead(path: $0) } : nil
    draft = method == .draftModel ? try model.map { try ModelFile.find($0) } : nil
  }

  /// The object that vLLM takes, with so many drafts.
  package func json(tokens: Int) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return String(
        decoding: try encoder.encode(
          Written(
            method: method.rawValue, model: model, num_speculative_tokens: tokens,
            num_speculative_tokens_per_batch_size: batches)),
        as: UTF8.self)
    } catch {
      preconditionFailure("SpeculativeConfig: no JSON of \(self): \(error)")
    }
  }

  private struct Written: Encodable {
    var method: String
    var model: String?
    // swift-format-ignore: AlwaysUseLowerCamelCase
    var num_speculative_tokens: Int
    // swift-format-ignore: AlwaysUseLowerCamelCase
    var num_speculative_tokens_per_batch_size: [[Int]]?
  }

  private static func method(_ root: ConfigFields) throws -> Method {
    let names = Method.allCases.map(\.rawValue).joined(separator: ", ")
    guard let given = try root.optionalText("method") else {
      throw UserError(
        "\(flag) has no `method`", hint: "methods are \(names)")
    }
    guard let method = Method(rawValue: given) else {
      throw UserError(
        "\(flag): the method `\(printable(given))` is not simulated", hint: "methods are \(names)")
    }
    return method
  }

  private static func budget(_ root: ConfigFields, of method: Method) throws -> Int? {
    let given = try root.optionalCount(budgetField, .tokens, least: 1)
    guard (given != nil) == (method == .magicdec) else {
      throw UserError(
        given == nil
          ? "\(flag) of method `magicdec` has no `\(budgetField)`"
          : "\(flag) has a `\(budgetField)`, and with method `\(method.rawValue)` nothing drafts from a part of the cache",
        hint: given == nil
          ? "say from how many tokens of a sequence it drafts: its paper has 256, 512 and 2049"
          : "leave it out")
    }
    return given
  }

  private static func model(_ root: ConfigFields, of method: Method) throws -> String? {
    guard let given = try root.optionalText("model") else {
      guard method == .draftModel else { return nil }
      throw UserError(
        "\(flag) of method `draft_model` has no `model`",
        hint: "name the model that drafts, as `--model` would")
    }
    guard method == .draftModel || method == .eagle3 else {
      throw UserError(
        "\(flag) has the `model` `\(printable(given))`, and with method `\(method.rawValue)` none drafts",
        hint: "leave it out")
    }
    return given
  }
}

extension SpeculativeConfig {
  /// What drafts for a model; `nil` where no model does.
  ///
  /// - Throws: ``UserError`` for another vocabulary, another width of the head, and windows unlike the model's.
  package func draft(for model: ModelSpec) throws(UserError) -> DraftModel? {
    switch method {
    case .ngram: return nil
    case .mtp: return DraftModel(predictorOf: model)
    case .eagle3:
      let head = head ?? EAGLEHead(usualFor: model)
      try require("vocabulary", of: head.vocab, as: model.vocab, of: model)
      try require("width", of: head.hidden, as: model.hidden, of: model)
      return DraftModel(head, of: model)
    case .draftModel:
      guard let draft else { return nil }
      try require("vocabulary", of: draft.vocab, as: model.vocab, of: model)
      guard draft.attendedMax == nil || draft.attendedMax == model.attendedMax else {
        throw UserError(
          "`\(draft.name)` attends to windows that `\(model.name)` does not have: such a draft has no price yet",
          hint: "choose another model in \(flag)")
      }
      return DraftModel(draft)
    case .magicdec:
      guard let budget else { return nil }
      guard let draft = DraftModel(of: model, withBudget: budget) else {
        throw UserError(
          "\(flag): `\(model.name)` has layers that do not attend to their whole context with heads of their own: `magicdec` has "
            + "no price there", hint: "choose another method")
      }
      return draft
    }
  }

  private func require(
    _ what: String, of drafted: Int, as needed: Int, of target: ModelSpec
  ) throws(UserError) {
    guard drafted != needed else { return }
    throw UserError(
      "`\(model ?? method.rawValue)` has a \(what) of \(drafted), `\(target.name)` one of \(needed): what it drafts "
        + "cannot be verified",
      hint: "choose a model in \(flag) that was made for `\(target.name)`")
  }
}
