import KVMemory

/// The model that drafts tokens for another one on the same GPUs: what memory holds of it, and what a pass of it costs.
package struct DraftModel: Equatable, Sendable {
  /// Its layers, with the vocabulary that it drafts from.
  package var shape: ModelSpec
  /// How its matrices are stored.
  package var weights: ElementType
  /// Whether its LM head is that of the model it drafts for, so that memory holds it once.
  package var sharesHead = false
  /// The tokens of a sequence that it drafts from, where it is the model itself: memory holds no other weights, and prompts
  /// need not be read for it.
  package private(set) var budget: Int?

  /// A model of its own.
  package init(_ model: ModelSpec) {
    shape = model
    weights = model.stored.elements
  }

  /// Bytes of its weights on one GPU.
  package func weightBytes(tensorParallel: Int) -> Int {
    guard budget == nil else { return 0 }
    let all = shape.weightBytes(tensorParallel: tensorParallel, elements: weights)
    guard sharesHead else { return all }
    return all - ceilingDivide(shape.vocab, tensorParallel) * shape.hidden
      * ModelSpec.bytesPerElement
  }
}

/// The size of an EAGLE-3 head: a layer that drafts from the model's hidden states.
package struct EAGLEHead: Equatable, Sendable {
  package var layers = 1
  package var hidden: Int
  /// Inner width of its MLP.
  package var ffn: Int
  package var heads: ModelLayer.Heads
  /// Tokens that it tells apart when it reads them.
  package var vocab: Int
  /// Tokens that it drafts from.
  package var draftVocab: Int

  package init(hidden: Int, ffn: Int, heads: ModelLayer.Heads, vocab: Int, draftVocab: Int) {
    self.hidden = hidden
    self.ffn = ffn
    self.heads = heads
    self.vocab = vocab
    self.draftVocab = draftVocab
  }

  /// As heads are published: the model's attention and MLP, and 32,000 tokens to draft from; for mixtures an MLP of six
  /// times the width, and for latent attention heads of 128 with eight of keys and values.
  ///
  /// - Source: `config.json` of the heads of Llama-3 8B (14,336 inner), Qwen3-32B (25,600) and gpt-oss-120b (17,280 = 6 ×
  ///   2,880). That of DeepSeek-V3 has 40,960, 5.7 times its width.
  package init(usualFor model: ModelSpec) {
    let attention = model.layers.commonest.attention
    let own = model.layers.commonestHeads ?? .init(query: 1, kv: 1, dim: model.hidden)
    let heads: ModelLayer.Heads =
      if case .heads = attention { own } else {
        .init(query: max(1, model.hidden / 128), kv: 8, dim: 128)
      }
    self.init(
      hidden: model.hidden, ffn: model.hasExperts || model.ffn == 0 ? 6 * model.hidden : model.ffn,
      heads: heads, vocab: model.vocab, draftVocab: min(32_000, model.vocab))
  }
}

extension DraftModel {
  /// An EAGLE-3 head.
  ///
  ///     hidden states of three layers, 3h ── fc ──▶ h ┐
  ///     embedding of the token                     h ┴▶ QKV of 2h ▸ attention ▸ MLP ▸ LM head
  ///
  /// `fc` and the wider QKV are counted, and priced, as so much more width of the MLP. The embedding is the model's.
  package init(_ head: EAGLEHead, of model: ModelSpec) {
    let (heads, projected) = (head.heads, (head.heads.query + 2 * head.heads.kv) * head.heads.dim)
    let joining = head.hidden + ceilingDivide(projected, 3 * head.layers)
    let layer = ModelLayer(.heads(heads, .all), .dense(width: head.ffn + joining))
    shape = ModelSpec(
      name: "eagle3 head of \(model.name)", aliases: [],
      layers: LayerList([.init(layer, count: head.layers)]), hidden: head.hidden,
      vocab: head.draftVocab, maxPositions: model.maxPositions)
    shape.tiedEmbeddings = true
    weights = .bfloat16
  }

  /// A module for multi-token prediction: one layer more like the last, on hidden state and embedding, joined. The
  /// projection that joins them is counted, not priced.
  package init(predictorOf model: ModelSpec) {
    var layer = model.layers.runs[model.layers.runs.count - 1].layer
    layer.attentionExtras += 2 * model.hidden * model.hidden
    shape = model
    shape.name = "prediction module of \(model.name)"
    shape.layers = LayerList([.init(layer, count: 1)])
    shape.tiedEmbeddings = true
    shape.besideLayers = 0
    weights = model.stored.elements
    sharesHead = true
  }
}

extension DraftModel {
  /// The model itself, drafting from the keys and values of so many tokens of a sequence, which it keeps beside all of them.
  ///
  /// The nearest tokens stand for whichever are kept: what a budget holds decides how many drafts are accepted, which is an
  /// input.
  ///
  /// `nil` for a model with layers that do not attend to their whole context.
  ///
  /// - Source: MagicDec (arXiv 2408.11049) as summarised in our reference.
  package init?(of model: ModelSpec, withBudget budget: Int) {
    shape = model
    shape.name = "\(model.name) on \(budget) tokens"
    var runs: [LayerList.Run] = []
    for run in model.layers.runs {
      guard case .heads(let heads, .all) = run.layer.attention, !run.layer.isRecurrent,
        !run.layer.sharesKeys
      else { return nil }
      var layer = run.layer
      layer.attention = .heads(heads, .window(tokens: budget))
      runs.append(.init(layer, count: run.count))
    }
    shape.layers = LayerList(runs)
    weights = model.stored.elements
    sharesHead = true
    self.budget = budget
  }
}

extension ModelSpec {
  /// The same model with the layers of one that drafts for it behind its own: what a KV cache is made for.
  package func followed(by draft: DraftModel?) -> ModelSpec {
    guard let draft else { return self }
    var both = self
    both.layers = LayerList(layers.runs + draft.shape.layers.runs)
    return both
  }
}
