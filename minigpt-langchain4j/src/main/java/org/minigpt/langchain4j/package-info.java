/** A model as LangChain4j's. */
package org.minigpt.langchain4j;
