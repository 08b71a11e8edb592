"""Parts that several test modules share: environs, real servers, the real Flask in a process of its own."""
