Feature: A GPU is lost
  Cards fall off the bus. Then the owner reads what has happened and what to do, and what can go on goes on.

  Scenario: The GPU falls off the bus while the computer earns on its CPU
    Given a computer with an "NVIDIA GeForce RTX 4090"
    And the computer earns, with customers who ask all the time
    When the GPU falls off the bus
    Then the owner is told "This GPU has stopped answering. Restart the computer; if it happens again, look at power cables and heat."
    And it goes on earning
    When its owner types "mulberry check"
    Then they read "This GPU has stopped answering."
    And they read "This computer can try everything on the demo network, with play money."
    When the GPU answers again
    Then the owner is told of no trouble with it
