/// An engine's choice of kernels, where engines differ: each brings its own for routed experts and latent attention.
package enum KernelLibrary: String, Codable, CaseIterable, Sendable {
  case vllm, sglang, trtllm
}
