Feature: The owner decides when the computer works
  Whoever lends a GPU is its owner first: work begins, ends and rests when they say so.

  Scenario: Start
    Given an owner who has never started Mulberry
    When they type "mulberry start"
    Then each step of the start-up is told and none has failed
    And the computer earns
    And each job that is paid was booked once

  Scenario: Finish
    Given the computer earns, with more customers than it can serve at once
    When its owner types "mulberry finish"
    Then it comes to a stop by itself
    And every request that it had taken was answered to its end
    And it works no more
    When its owner types "mulberry quit"
    Then nothing of Mulberry runs any more

  Scenario: A pause outlives a power cut
    Given the computer earns, with customers who ask all the time
    When its owner types "mulberry pause --for 15s"
    And the power goes out
    And the computer is started again
    Then the pause is still there and ends when it would have ended
    And every job from before the power cut is still in the books
    And the computer earns again by itself, not a moment before the pause has ended

  Scenario: Payout
    Given the computer has earned, with customers who ask 30 times and then no more
    When its owner types "mulberry payout"
    Then all that was earned arrives at the owner's address
    And the history shows the same amount to the nanoton
    And nothing of what was signed still waits
