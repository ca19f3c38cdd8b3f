import Results

/// MagicDec's critical context and maxima, and the speedups by batch and context behind them.
struct MagicDec {
  private static let model = "llama-3.1-8b"
  private static let batches = [1, 8, 32, 64, 128, 256]
  private static let contexts = [1000, 2000, 4000, 8000, 16_000, 32_000]
  /// Share of drafts behind accepted ones, for the data only.
  private static let acceptance = 0.8

  let claims: [Claim]
  /// Speedup by batch and context.
  let data: DataTable

  init() throws {
    let drafts = try SelfDraft(Self.model, on: "a100-80gb", gpus: 8, drafts: 3, budget: 512)
    var table = DataTable(["context_tokens", "batch", "speedup_at_0.8"])
    for context in Self.contexts {
      for batch in Self.batches {
        let speedup = drafts.speedup(
          batch: batch, context: context, acceptance: Self.acceptance)
        table.rows.append(["\(context)", "\(batch)", Claim.text(speedup)])
      }
    }
    data = table
    let critical = drafts.criticalContext(from: 32, to: 256)
    claims =
      [
        Claim(
          SpeculationReport.figure,
          "MagicDec, llama-3.1-8b on 8 × A100: context from which the speedup grows with the batch, tokens",
          Claim.relative(4000, 0.25), ours: Double(critical ?? 0),
          note:
            "the paper says about 4,000; from 32 to 256 sequences, three drafts and a budget of 512 tokens, which are ours"
        )
      ] + (try Self.maxima())
  }

  /// Most drafts that are tried.
  private static let draftsMax = 6

  /// The largest speedup with every draft accepted is no lower than the published maximum, and no higher than the tokens
  /// of a verification.
  private static func maxima() throws -> [Claim] {
    try [("llama-3.1-8b", 2.51), ("mistral-7b", 2.06), ("qwen2.5-7b", 1.89)].map {
      model, published in
      // GPUs that split its heads, at most eight.
      let gpus = model == "qwen2.5-7b" ? 4 : 8
      let bound =
        try (1...draftsMax).map { drafts in
          let rule = try SelfDraft(model, on: "h100-sxm", gpus: gpus, drafts: drafts, budget: 2049)
          return contexts.map { rule.speedup(batch: 64, context: $0, acceptance: 1) }.max() ?? 0
        }.max() ?? 0
      return Claim(
        SpeculationReport.figure,
        "MagicDec, \(model): largest speedup with every draft accepted is no lower than its maximum",
        .span(published...Double(1 + draftsMax)), ours: bound,
        note:
          "published: \(published) times as fast; a necessary condition, since its acceptance was not read; 64 sequences, "
          + "up to 32,000 tokens and \(gpus) H100 are ours")
    }
  }
}
