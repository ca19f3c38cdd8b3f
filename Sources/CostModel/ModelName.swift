/// A model's name as people type it: a catalogue name or a Hugging Face id, with what publishers append.
///
///     meta-llama/Llama-3.3-70B-Instruct-FP8-dynamic
///     └ owner ─┘ └─ shape ───┘└─ use ──┘└─ weights ┘
///
/// Only what leaves the shape as it is can be appended. The longest part that the catalogue knows names the model.
struct ModelName {
  /// What a model may be called; lower case.
  struct Candidate {
    let text: String
    /// How what was left out says that weights are stored; `nil` where it says nothing.
    let weights: ElementType?
  }

  /// Most of the typed name first, from the second on without the owner.
  let candidates: [Candidate]

  init(_ typed: String) {
    let lowered = typed.lowercased()
    var stem = lowered.split(separator: "/").last.map(String.init) ?? lowered
    var candidates = [lowered, stem].map { Candidate(text: $0, weights: nil) }
    var weights: ElementType?
    while let suffix = Self.suffix(of: stem) {
      stem.removeLast(suffix.text.count)
      weights = weights ?? suffix.weights
      candidates.append(Candidate(text: stem, weights: weights))
    }
    self.candidates = candidates
  }

  /// What publishers append for a checkpoint's weights; the longest first.
  private static let stored: [(text: String, weights: ElementType)] = [
    ("-fp8-dynamic", .fp8), ("-fp8-static", .fp8), ("-fp8-block", .fp8), ("-fp8", .fp8),
    ("-awq-int4", .int4), ("-awq-4bit", .int4), ("-awq", .int4), ("-gptq-int8", .int8),
    ("-gptq-int4", .int4), ("-gptq", .int4), ("-w4a16", .int4), ("-w8a8", .int8), ("-int8", .int8),
    ("-int4", .int4), ("-nvfp4", .nvfp4), ("-fp4", .nvfp4), ("-bf16", .bfloat16),
    ("-fp8-kv", .fp8), ("-quantized.w4a16", .int4), ("-quantized.w8a8", .int8),
    // MXFP4 weights are as wide as integers with a scale and a zero point.
    ("-mxfp4", .int4), ("-4bit", .int4), ("-8bit", .int8),
  ]

  /// What publishers append for a use or a training, or for how weights were quantized beside how wide they are.
  private static let uses = [
    "-instruct", "-chat", "-it", "-pt", "-base", "-hf", "-thinking", "-autoround", "-bnb",
    "-unsloth", "-preview",
  ]

  /// What ends a name and leaves its shape as it is.
  private static func suffix(of stem: String) -> (text: String, weights: ElementType?)? {
    if let found = stored.first(where: { stem.hasSuffix($0.text) }) {
      return (found.text, found.weights)
    }
    if let found = uses.first(where: stem.hasSuffix) { return (found, nil) }
    // A month, such as `-2507`, a day, such as `-0528`, or a version, such as `-v0.1`.
    guard let dash = stem.lastIndex(of: "-") else { return nil }
    let last = stem[stem.index(after: dash)...]
    let isDate = last.count == 4 && last.allSatisfy(\.isASCIIDigit)
    let isVersion =
      last.first == "v" && last.count > 1
      && last.dropFirst().allSatisfy { $0.isASCIIDigit || $0 == "." }
    return isDate || isVersion ? (String(stem[dash...]), nil) : nil
  }

  /// The word that a family of models shares, and the billions of parameters that the name gives; `nil` where it gives
  /// none.
  static func familyAndSize(_ name: String) -> (family: String, billions: Double)? {
    let stem = name.lowercased().split(separator: "/").last.map(String.init) ?? name.lowercased()
    let family = String(stem.prefix { $0.isLetter })
    let sizes = stem.split(separator: "-").compactMap { part in
      part.last == "b" ? Double(part.dropLast()) : nil
    }
    guard !family.isEmpty, let billions = sizes.first, billions > 0 else { return nil }
    return (family, billions)
  }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}

/// A model that is made when it is asked for by one of its names.
package struct ListedModel: Sendable {
  /// As its publisher writes it, with the owner.
  package let id: String
  /// What it may be called, lower case: its id, with and without the owner, and without what is appended for a use.
  package let names: [String]
  package let make: @Sendable () -> ModelSpec

  package init(id: String, make: @escaping @Sendable () -> ModelSpec) {
    self.id = id
    self.make = make
    names = ModelName(id).candidates.prefix { $0.weights == nil || $0.weights == .bfloat16 }
      .map(\.text)
  }
}

/// A model of the catalogue, and how the name that was typed says that its weights are stored.
package struct NamedModel: Equatable, Sendable {
  package let model: ModelSpec
  /// `nil` where the name says nothing.
  package let weights: ElementType?
}

/// A model whose shape is that of another one, under a name of its own.
struct ModelTwin {
  let name: String
  let of: String
  /// Where it was published for longer contexts.
  var maxPositions: Int?
}
