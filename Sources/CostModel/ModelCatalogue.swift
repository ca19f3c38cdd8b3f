/// The models that are known by name.
///
/// The dimensions are the models' own published configurations where these could be read. Rows that
/// could not be checked field by field are marked in the tables; their parameter count still agrees
/// with the published one (within 1.5 %, tested).
package enum ModelCatalogue {
  /// Every model, families together, small to large.
  package static let all: [ModelSpec] =
    opt + llama + mistral + qwen + gemma + phiAndYi + deepSeek + gptOSS
}
