import Testing

@Suite struct ValidateMemoryTests {
  @Test func tokensFromSharedPagesAreThoseOfMasks() throws {
    let requests = "prompt_tokens,output_tokens\n40,6\n25,9\n"
    let run = try Tool.run(
      [
        "validate", "memory", "-", "--keeps", "all,window:16,sinks:4:12", "--kv-mib", "1",
        "--verify",
      ], input: requests)
    #expect(run.status == 0, "\(run.errors)")
    #expect(
      run.output.hasPrefix(
        "requests,rejected,output_tokens,iterations,preemptions,pool_mib,most_used_mib\n2,0,15,9,0,1,"
      ), "\(run.output)")
    #expect(
      run.errors.contains(
        "verified: 15 tokens of 2 sequences are those generated alone with masks"))
    let wrong = try Tool.run(
      ["validate", "memory", "-", "--keeps", "window"], input: requests)
    #expect(wrong.status == 2)
    #expect(
      wrong.errors.hasSuffix(
        """
        error: `--keeps` does not take `window`

        hint: it takes `all`, `window:64` and `sinks:4:60`, separated by commas

        """), "\(wrong.errors)")
  }
}
