import Testing

@testable import Reproduction

/// What numpy 2.4.6 draws after `numpy.random.default_rng(seed)`.
@Suite struct NumpyGeneratorTests {
  @Test func drawsWords() {
    let expected: [UInt64: [UInt64]] = [
      0: [0xa30f_ebcf_d9c2_825f, 0x4510_bdf8_82d9_d721, 0xa7d3_da94_ecde_8b8],
      7: [0xa006_41a9_f1e5_4a8b, 0xe5af_cdbc_af26_6a95, 0xc693_565f_940a_f962],
      (1 << 40) + 3: [0xc60e_533f_bbb0_872c, 0xfef0_825f_71d6_6341, 0x7922_40db_6171_ac88],
    ]
    for (seed, words) in expected {
      var numbers = NumpyGenerator(seed: seed)
      #expect((0..<3).map { _ in numbers.next() } == words)
    }
  }

  /// Five integers of 32 bits leave a half word, which the integer behind two doubles takes.
  @Test func drawsIntegersFromHalfWords() {
    var numbers = NumpyGenerator(seed: 7)
    #expect((0..<5).map { _ in numbers.integer(in: 0..<1000) } == [944, 625, 684, 897, 578])
    #expect(numbers.uniform() == 0.22520718999059186)
    #expect(numbers.uniform() == 0.30016628491122543)
    #expect(numbers.integer(in: 3..<6) == 5)
  }

  @Test func drawsByTheZiggurat() {
    var numbers = NumpyGenerator(seed: 0)
    let gaps = (0..<3).map { _ in numbers.exponential(mean: 2) }
    #expect(near(gaps, [1.3598638079378191, 2.0391942029317294, 0.039613325178110705]))
    let normals = (0..<3).map { _ in numbers.normal() }
    #expect(near(normals, [0.10490011715303971, -0.535669373161111, 0.36159505490948474]))
  }

  private func near(_ ours: [Double], _ theirs: [Double]) -> Bool {
    zip(ours, theirs).allSatisfy { abs($0 - $1) <= 1e-12 * abs($1) }
  }

  /// Sums of 20,000 integers each, and extremes, which come from the tails.
  @Test(arguments: [
    (0, 161_511_701, 2_005_824_956, 819_009_772, 3.711747100772142, 11.712382294738756),
    (7, 159_754_514, 2_002_696_594, 818_830_030, 3.7132187350661834, 9.332639474895267),
    (11, 161_957_707, 1_994_576_974, 820_158_893, 4.054297361034381, 9.607020578427113),
  ])
  func drawsThousandsAlike(
    seed: UInt64, prompts: Int, gaps: Int, long: Int, normal: Double, exponential: Double
  ) {
    var numbers = NumpyGenerator(seed: seed)
    let count = 20_000
    #expect(
      (0..<count).reduce(0) { sum, _ in sum + Int(numbers.lognormal(mean: 8.5, sigma: 1)) }
        == prompts)
    #expect(
      (0..<count).reduce(0) { sum, _ in sum + Int(numbers.exponential(mean: 0.1) * 1e6) } == gaps)
    #expect((0..<count).reduce(0) { sum, _ in sum + numbers.integer(in: 16384..<65537) } == long)
    let largest = (0..<count).reduce(0.0) { most, _ in max(most, numbers.normal()) }
    #expect(abs(largest - normal) < 1e-12)
    let longest = (0..<count).reduce(0.0) { most, _ in max(most, numbers.exponential(mean: 1)) }
    #expect(abs(longest - exponential) < 1e-11)
  }
}
