"""The same problems, written as a user of JAX or torch would write them."""
