/** A model over HTTP: OpenAI's completions, where it looks, and a page to watch it. */
package org.minigpt.server;
